"""Weights from and to the files of the pix2pix authors' PyTorch code (`latest_net_G.pth`), without PyTorch.

Such a file holds a `state_dict`: tensors by the place of their layer in nested lists, as in
`model.model.1.model.3.model.2.running_mean`. What network it is follows from names and shapes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks.blocks import Params
from pix2pix_jax.networks.choice import DiscriminatorConfig, GeneratorConfig
from pix2pix_jax.networks.layers import Norm

_COUNTER = "num_batches_tracked"
_NORM_LEAVES = {"scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}


class FoundGenerator(NamedTuple):
    """A generator that a file holds.

    Attributes:
        config: which network it is. Of a U-Net the file does not tell whether it was trained with dropout.
        in_channels: channels of what it is given.
        out_channels: channels of what it makes.
        params: the Flax parameters, float32.
        averages: the running averages of its batch norms (collection `batch_stats`).
    """

    config: GeneratorConfig
    in_channels: int
    out_channels: int
    params: Params
    averages: Params


class FoundDiscriminator(NamedTuple):
    """A discriminator that a file holds.

    Attributes:
        config: which network it is.
        in_channels: channels of what it sees.
        params: the Flax parameters, float32.
    """

    config: DiscriminatorConfig
    in_channels: int
    params: Params


def generator_from_authors(state_dict: Mapping[str, Any]) -> FoundGenerator:
    """Finds out which generator a state dict holds, and converts it.

    Args:
        state_dict: arrays, or tensors on the CPU, by PyTorch's name.

    Raises:
        UserError: if it is none of their generators, or a tensor is missing, too many, or of another shape.
    """
    given = _cleaned(state_dict)
    if "model.model.0.weight" in given:
        config = _find_unet(given)
        last, transposed = "model.model.3.weight", True
        first = "model.model.0.weight"
    elif "model.1.weight" in given and given["model.1.weight"].shape[2:] == (7, 7):
        config = _find_resnet(given)
        first, last, transposed = "model.1.weight", f"model.{17 + config.blocks}.weight", False
    else:
        if {"model.0.weight", "net.0.weight"} & given.keys():
            raise UserError("it holds a discriminator; files of generators are called latest_net_G.pth")
        raise UserError(f"no generator of the pix2pix authors' code begins with {next(iter(given), 'nothing')}")
    flat = _converted(given, _generator_places(config), config.norm, "generator")
    if last not in given:
        raise UserError(f"the generator's {last} is missing")
    out_channels = given[last].shape[1 if transposed else 0]
    return FoundGenerator(config, given[first].shape[1], out_channels, *_split(flat))


def discriminator_from_authors(state_dict: Mapping[str, Any]) -> FoundDiscriminator:
    """Finds out which discriminator a state dict holds, and converts it; as `generator_from_authors`."""
    given = _cleaned(state_dict)
    first = next((name for name in ("model.0.weight", "net.0.weight") if name in given), None)
    if first is None or given[first].ndim != 4:
        raise UserError(f"no discriminator of the pix2pix authors' code begins with {next(iter(given), 'nothing')}")
    if first == "net.0.weight":
        norm = _norm(given, "net.3.weight", "net.2.bias")
        config = DiscriminatorConfig("pixel", width=given[first].shape[0], norm=norm)
    else:
        last = max(int(name.split(".")[1]) for name in given if name.startswith("model."))
        norm = _norm(given, "model.3.weight", "model.2.bias")
        config = DiscriminatorConfig("patchgan", (last - 2) // 3, given[first].shape[0], norm)
    flat = _converted(given, _discriminator_places(config), norm, "discriminator")
    return FoundDiscriminator(config, given[first].shape[1], _split(flat)[0])


def generator_to_authors(config: GeneratorConfig, params: Params, averages: Params) -> dict[str, np.ndarray]:
    """A generator as the state dict that the authors' code loads; arrays to be wrapped with `torch.from_numpy`.

    Raises:
        UserError: if their code has no such network.
    """
    if config.network not in ("unet", "resnet") or config.upsampling == "resize":
        raise UserError(
            f"the pix2pix authors' code has no such generator (network {config.network}, upsampling"
            f" {config.upsampling}): their files hold U-Nets and ResNets with transposed convolutions"
        )
    return _exported(_generator_places(config), params, averages)


def flags_of(config: GeneratorConfig) -> str:
    """A line with the flags that the authors' `test.py` needs for a generator that `generator_to_authors` takes."""
    if config.network == "unet":
        name, size = {8: "unet_256", 7: "unet_128"}.get(config.depth), f"a U-Net of {config.depth} levels"
    else:
        name = {9: "resnet_9blocks", 6: "resnet_6blocks"}.get(config.blocks)
        size = f"a ResNet of {config.blocks} blocks"
    if name is None:
        return f"their code has no --netG for {size}"
    flags = f"for their code: --netG {name} --ngf {config.width} --norm {config.norm}"
    if not config.dropout:
        return f"{flags} --no_dropout"
    moved = config.network == "unet" and config.dropout_at == "innermost"
    return flags + " (its dropout was in other layers than theirs)" * moved


def discriminator_to_authors(config: DiscriminatorConfig, params: Params) -> dict[str, np.ndarray]:
    """A discriminator as `generator_to_authors`; with running averages of a new network (0 and 1)."""
    if config.network == "reference":
        raise UserError("the pix2pix authors' code has no discriminator like the reference's")
    return _exported(_discriminator_places(config), params, {})


def _cleaned(state_dict: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors as arrays, by their name without the prefixes of PyTorch's wrappers; counters are left out."""
    cleaned = {}
    for name, tensor in state_dict.items():
        if name.endswith(_COUNTER):
            continue
        try:
            cleaned[re.sub(r"^(module\.|_orig_mod\.)+", "", name)] = np.asarray(tensor)
        except (TypeError, RuntimeError) as error:
            raise UserError(f"{name} cannot be read as an array ({str(error).splitlines()[0]})") from error
    return cleaned


def _norm(given: Mapping[str, np.ndarray], norm_weight: str, conv_bias: str) -> Norm:
    if norm_weight in given:
        return "batch"
    return "instance" if conv_bias in given else "none"


def _find_unet(given: Mapping[str, np.ndarray]) -> GeneratorConfig:
    prefixes = [match[1] for name in given if (match := re.match(r"model\.model\.1\.model\.((?:3\.model\.)*)", name))]
    depth = 2 + max((prefix.count("3") for prefix in prefixes), default=0)
    norm = _norm(given, f"{_unet_prefix(depth)}4.weight", "model.model.0.bias")
    width = given["model.model.0.weight"].shape[0]
    return GeneratorConfig("unet", depth=depth, width=width, norm=norm, dropout_at="above_innermost")


def _find_resnet(given: Mapping[str, np.ndarray]) -> GeneratorConfig:
    blocks = len({name.split(".")[1] for name in given if ".conv_block." in name})
    norm = _norm(given, "model.2.weight", "model.1.bias")
    second = given.get("model.10.conv_block.5.weight")
    dropout = 0.0 if second is not None and second.ndim == 4 else 0.5
    width = given["model.1.weight"].shape[0]
    return GeneratorConfig("resnet", blocks=blocks, width=width, norm=norm, dropout=dropout)


class _Place(NamedTuple):
    """A layer of ours and its place in PyTorch's lists."""

    layer: str
    place: str
    kind: Literal["conv", "norm"] = "conv"


def _generator_places(config: GeneratorConfig) -> list[_Place]:
    return [*(_unet_places(config.depth) if config.network == "unet" else _resnet_places(config))]


def _unet_prefix(level: int) -> str:
    return "model.model.1.model." + (level - 2) * "3.model."


def _unet_places(depth: int) -> Iterator[_Place]:
    yield _Place("down1", "model.model.0")
    yield _Place("up1", "model.model.3")
    for level in range(2, depth + 1):
        prefix, inner = _unet_prefix(level), level == depth
        yield _Place(f"down{level}", f"{prefix}1")
        if not inner:
            yield _Place(f"down{level}_norm", f"{prefix}2", "norm")
        yield _Place(f"up{level}", prefix + ("3" if inner else "5"))
        yield _Place(f"up{level}_norm", prefix + ("4" if inner else "6"), "norm")


def _resnet_places(config: GeneratorConfig) -> Iterator[_Place]:
    second = 6 if config.dropout else 5
    places = {"first": "1", "down1": "4", "down2": "7"}
    norms = {"first": "2", "down1": "5", "down2": "8"}
    for block in range(config.blocks):
        prefix = f"{10 + block}.conv_block"
        places |= {f"block{block + 1}_1": f"{prefix}.1", f"block{block + 1}_2": f"{prefix}.{second}"}
        norms |= {f"block{block + 1}_1": f"{prefix}.2", f"block{block + 1}_2": f"{prefix}.{second + 1}"}
    end = 10 + config.blocks
    places |= {"up2": f"{end}", "up1": f"{end + 3}", "last": f"{end + 7}"}
    norms |= {"up2": f"{end + 1}", "up1": f"{end + 4}"}
    for layer, place in places.items():
        yield _Place(layer, f"model.{place}")
    for layer, place in norms.items():
        yield _Place(f"{layer}_norm", f"model.{place}", "norm")


def _discriminator_places(config: DiscriminatorConfig) -> list[_Place]:
    if config.network == "pixel":
        places = [_Place("conv1", "net.0"), _Place("conv2", "net.2"), _Place("conv2_norm", "net.3", "norm")]
        return [*places, _Place("head", "net.5")]
    places = [_Place("conv1", "model.0"), _Place("head", f"model.{3 * config.layers + 2}")]
    for number in range(1, config.layers + 1):
        places.append(_Place(f"conv{number + 1}", f"model.{3 * number - 1}"))
        places.append(_Place(f"conv{number + 1}_norm", f"model.{3 * number}", "norm"))
    return places


def _converted(
    given: Mapping[str, np.ndarray], places: list[_Place], norm: Norm, network: str
) -> dict[tuple[str, str], np.ndarray]:
    """Every array of ours by layer and leaf; all that is given must have been used."""
    flat, unused = {}, dict(given)
    for layer, place, kind in places:
        if kind != "norm":
            kernel = _taken(unused, f"{place}.weight", 4, network)
            # For transposed convolutions both swap in and out, so the order is the same. A copy: JAX would otherwise
            # be free to share memory that PyTorch goes on training in.
            flat[layer, "kernel"] = kernel.transpose(2, 3, 1, 0)
            if f"{place}.bias" in unused:
                flat[layer, "bias"] = _taken(unused, f"{place}.bias", 1, network)
        elif norm == "batch":
            leaves = _NORM_LEAVES if network == "generator" else {"scale": "weight", "bias": "bias"}
            for leaf, theirs in leaves.items():
                flat[layer, leaf] = _taken(unused, f"{place}.{theirs}", 1, network)
    # Old files have running averages for instance norm, and all have them for discriminators, which need none.
    unused = {name: array for name, array in unused.items() if ".running_" not in name}
    if unused:
        name = next(iter(unused))
        raise UserError(f"{name} {list(unused[name].shape)} belongs to no {network} of the pix2pix authors' code")
    return flat


def _taken(unused: dict[str, np.ndarray], name: str, axes: int, network: str) -> np.ndarray:
    if name not in unused:
        raise UserError(f"the {network}'s {name} is missing")
    if unused[name].ndim != axes:
        raise UserError(f"{name} has the shape {list(unused[name].shape)}, {axes} axes are wanted")
    return unused.pop(name)


def _split(flat: Mapping[tuple[str, str], np.ndarray]) -> tuple[Params, Params]:
    """Parameters and running averages as trees of float32 arrays of their own."""
    arrays = {path: jnp.array(array, jnp.float32, copy=True) for path, array in flat.items()}
    averages = {path: array for path, array in arrays.items() if path[1] in ("mean", "var")}
    return unflatten_dict({path: arrays[path] for path in arrays.keys() - averages.keys()}), unflatten_dict(averages)


def _exported(places: list[_Place], params: Params, averages: Params) -> dict[str, np.ndarray]:
    ours = {path: np.asarray(leaf) for tree in (params, averages) for path, leaf in flatten_dict(tree).items()}
    made: dict[str, np.ndarray] = {}
    for layer, place, kind in places:
        if kind != "norm":
            made[f"{place}.weight"] = np.array(ours[layer, "kernel"].transpose(3, 2, 0, 1), np.float32, order="C")
            if (layer, "bias") in ours:
                made[f"{place}.bias"] = np.array(ours[layer, "bias"], np.float32)
        elif (layer, "scale") in ours:
            fresh = {"mean": np.zeros_like(ours[layer, "scale"]), "var": np.ones_like(ours[layer, "scale"])}
            for leaf, theirs in _NORM_LEAVES.items():
                made[f"{place}.{theirs}"] = np.array(ours.get((layer, leaf), fresh.get(leaf)), np.float32)
            made[f"{place}.{_COUNTER}"] = np.zeros((), np.int64)
    return made
