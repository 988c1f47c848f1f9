"""Weights from and to a PyTorch `state_dict`, without PyTorch: the reference's networks and the pix2pix authors'.

The reference's names are those of the blocks here (`enc1.conv.weight`), the authors' are places in nested lists
(`model.model.1.model.3.model.2.running_mean`). Kernels are OIHW there and HWIO here. PyTorch also counts the batches
that each norm has seen, which nothing needs, and keeps running averages for discriminators, which never use them.
Which network a state dict holds follows from names and shapes.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks.choice import Generator, make_generator
from pix2pix_jax.networks.config import DiscriminatorConfig, GeneratorConfig, Norm
from pix2pix_jax.networks.layers import Params

_LEAVES = {"kernel": "weight", "scale": "weight", "bias": "bias", "mean": "running_mean", "var": "running_var"}
_COUNTER = "num_batches_tracked"
_NORM_EPSILON = 1e-5  # which batch norms add to a variance before they take its root
_DEEPEST = 12  # of the U-Nets that a config can describe
_DISCRIMINATORS = ("conv1.conv.weight", "net.0.weight", "model.0.weight")  # what they begin with
_NETG = {
    ("unet", 8): "unet_256",
    ("unet", 7): "unet_128",
    ("resnet", 9): "resnet_9blocks",
    ("resnet", 6): "resnet_6blocks",
}


class Found(NamedTuple):
    """A generator that a state dict holds.

    Attributes:
        config: which network it is. For a U-Net the tensors do not tell whether it was trained with dropout.
        in_channels: channels of its input.
        out_channels: channels of its output.
        params: the Flax parameters, float32 copies.
        averages: the running averages of its batch norms (collection `batch_stats`), likewise.
    """

    config: GeneratorConfig
    in_channels: int
    out_channels: int
    params: Params
    averages: Params


def check_numbers(arrays: Mapping[str, np.ndarray]) -> None:
    """Raises UserError if one of these arrays, by name, has no values, or some that make NaN of every image."""
    for name, array in arrays.items():
        if array.size == 0:
            raise UserError(f"{name} has no values: its shape is {list(array.shape)}")
        if not np.isfinite(array).all():
            raise UserError(f"{name} holds NaN or infinite values: no image can be made with them")
        if name.endswith(("running_var", "/var")) and array.min() <= -_NORM_EPSILON:
            raise UserError(f"{name} holds negative variances: no image can be made with them")


def generator_from_torch(state_dict: Mapping[str, Any]) -> Found:
    """Finds out which generator a state dict holds, and converts it.

    Args:
        state_dict: tensors on the CPU, or arrays, by PyTorch's name, also behind its wrappers' prefixes.
            `check_numbers` tells whether their values are sound.

    Raises:
        UserError: if it is none of the known generators; or an array is missing, does not belong to it, or has another
            shape.
    """
    given = {
        re.sub(r"^(module\.|_orig_mod\.)+", "", name): np.asarray(tensor, np.float32)
        for name, tensor in state_dict.items()
        if not name.endswith(_COUNTER)
    }
    if "enc1.conv.weight" in given:
        config, first, last = GeneratorConfig(), "enc1.conv.weight", "dec4.conv.weight"
    elif "model.model.0.weight" in given:
        first, last = "model.model.0.weight", "model.model.3.weight"
        depth = 2 + max(name.count("3.model.") for name in given)
        if depth > _DEEPEST:
            raise UserError(f"a U-Net has at most {_DEEPEST} levels, this one would have {depth}")
        width, norm = _kernel_shape(given, first)[0], _norm(given, "model.model.0.bias")
        config = GeneratorConfig("unet", depth=depth, width=width, norm=norm, dropout_at="above_innermost")
    elif "model.1.weight" in given:
        blocks = len({name.split(".")[1] for name in given if ".conv_block." in name})
        first, last = "model.1.weight", f"model.{17 + blocks}.weight"
        width, norm = _kernel_shape(given, first)[0], _norm(given, "model.1.bias")
        dropout = 0.0 if "model.10.conv_block.5.weight" in given else 0.5
        config = GeneratorConfig("resnet", blocks=blocks, width=width, norm=norm, dropout=dropout)
    elif any(name in given for name in _DISCRIMINATORS):
        raise UserError("it holds a discriminator; the authors' files of generators are called latest_net_G.pth")
    else:
        raise UserError(f"no known generator begins with {next(iter(given), 'nothing')}")
    in_channels = _kernel_shape(given, first)[1]
    # The kernel of a transposed convolution has its outputs in the second place.
    out_channels = _kernel_shape(given, last)[1 if config.network == "unet" else 0]
    return Found(config, in_channels, out_channels, *_converted(given, config, in_channels, out_channels))


def generator_to_torch(config: GeneratorConfig, params: Params, averages: Params) -> dict[str, np.ndarray]:
    """A generator as a state dict.

    Args:
        config: which network it is.
        params: the Flax parameters.
        averages: the running averages of its batch norms.

    Returns:
        Fresh arrays by PyTorch's name, each to be wrapped with `torch.from_numpy` for `load_state_dict`: float32,
        but for the int64 counters `num_batches_tracked`, which are 0.

    Raises:
        UserError: if neither the reference nor the authors' code has such a network.
    """
    if config.network == "efficientnet" or config.upsampling == "resize":
        raise UserError(
            f"neither the reference nor the pix2pix authors' code has such a generator (network {config.network},"
            f" upsampling {config.upsampling}): theirs are U-Nets and ResNets with transposed convolutions"
        )
    return _to_torch(config, params, averages)


def discriminator_to_torch(config: DiscriminatorConfig, params: Params) -> dict[str, np.ndarray]:
    """A discriminator as a state dict, like `generator_to_torch`; its running averages are a new network's (0, 1)."""
    if config.network == "projected":
        raise UserError("neither the reference nor the pix2pix authors' code has a projected discriminator")
    return _to_torch(config, params, {})


def flags_of(config: GeneratorConfig) -> str:
    """A line with the flags that the authors' `test.py` needs for a generator; "" for the reference's."""
    if config.network == "reference":
        return ""
    size, parts = (
        (config.depth, "U-Net of {} levels") if config.network == "unet" else (config.blocks, "ResNet of {} blocks")
    )
    name = _NETG.get((config.network, size))
    if name is None:
        return f"their code has no --netG for a {parts.format(size)}"
    flags = f"for their code: --netG {name} --ngf {config.width} --norm {config.norm}"
    if not config.dropout:
        return f"{flags} --no_dropout"
    moved = config.network == "unet" and config.dropout_at == "innermost"
    return flags + " (its dropout was in other layers than theirs)" * moved


def _kernel_shape(given: Mapping[str, np.ndarray], name: str) -> tuple[int, ...]:
    """The shape of a convolution's kernel, which tells the number of channels."""
    if name not in given:
        raise UserError(f"{name}, which tells the number of channels, is missing")
    if given[name].ndim != 4:
        raise UserError(f"{name} has the shape {list(given[name].shape)}, 4 axes are wanted")
    return given[name].shape


def _norm(given: Mapping[str, np.ndarray], conv_bias: str) -> Norm:
    """The norm of one of the authors' networks; `conv_bias`: a bias that only instance norm leaves to a convolution."""
    if any(array.ndim == 1 and name.endswith(".weight") for name, array in given.items()):
        return "batch"
    return "instance" if conv_bias in given else "none"


def _places(config: GeneratorConfig | DiscriminatorConfig) -> dict[str, str]:
    """PyTorch's name of every layer that is called otherwise there."""
    match config:
        case GeneratorConfig(network="unet"):
            return _unet_places(config.depth)
        case GeneratorConfig(network="resnet"):
            return _resnet_places(config)
        case DiscriminatorConfig(network="pixel"):
            return {"conv1": "net.0", "conv2": "net.2", "conv2_norm": "net.3", "head": "net.5"}
        case DiscriminatorConfig(network="patchgan"):
            places = {"conv1": "model.0", "head": f"model.{3 * config.layers + 2}"}
            for number in range(1, config.layers + 1):
                places[f"conv{number + 1}"] = f"model.{3 * number - 1}"
                places[f"conv{number + 1}_norm"] = f"model.{3 * number}"
            return places
    return {}


def _unet_places(depth: int) -> dict[str, str]:
    places, prefix = {"down1": "model.model.0", "up1": "model.model.3"}, "model.model.1.model."
    for level in range(2, depth + 1):
        up = 3 if level == depth else 5
        layers = {f"down{level}": 1, f"down{level}_norm": 2, f"up{level}": up, f"up{level}_norm": up + 1}
        places |= {layer: f"{prefix}{place}" for layer, place in layers.items()}
        prefix += "3.model."
    return places


def _resnet_places(config: GeneratorConfig) -> dict[str, str]:
    second, end = 6 if config.dropout else 5, 10 + config.blocks
    places = {"first": "1", "down1": "4", "down2": "7", "up2": f"{end}", "up1": f"{end + 3}", "last": f"{end + 7}"}
    places |= {f"{layer}_norm": f"{int(place) + 1}" for layer, place in places.items()}
    for block in range(config.blocks):
        for half, place in ((1, 1), (2, second)):
            layer, prefix = f"block{block + 1}_{half}", f"{10 + block}.conv_block"
            places |= {layer: f"{prefix}.{place}", f"{layer}_norm": f"{prefix}.{place + 1}"}
    return {layer: f"model.{place}" for layer, place in places.items()}


def _name(path: tuple[str, ...], places: Mapping[str, str]) -> str:
    """PyTorch's name of a leaf: the names of its layer's modules and its own."""
    *modules, leaf = path
    layer = ".".join(modules)
    return f"{places.get(layer, layer)}.{_LEAVES[leaf]}"


def _converted(
    given: Mapping[str, np.ndarray], config: GeneratorConfig, in_channels: int, out_channels: int
) -> tuple[Params, Params]:
    """Parameters and running averages; raises UserError unless the arrays are those of the network, no more, no less.

    For transposed convolutions inputs and outputs are swapped both here and there, so kernels turn alike.
    """
    module: Generator = make_generator(config, out_channels)
    image = jax.ShapeDtypeStruct((1, module.smallest_size, module.smallest_size, in_channels), jnp.float32)
    wanted: dict[tuple[str, ...], Any] = flatten_dict(jax.eval_shape(module.init, jax.random.key(0), image))
    places, unused, flat = _places(config), dict(given), {}
    for path, leaf in wanted.items():
        name = _name(path[1:], places)
        shape = [leaf.shape[axis] for axis in (3, 2, 0, 1)] if path[-1] == "kernel" else list(leaf.shape)
        if name not in unused:
            raise UserError(f"the generator's {name} {shape} is missing")
        array = unused.pop(name)
        if list(array.shape) != shape:
            raise UserError(f"{name} has the shape {list(array.shape)}, the generator wants {shape}")
        # A copy: JAX would otherwise be free to share memory that PyTorch goes on training in.
        turned = array.transpose(2, 3, 1, 0) if path[-1] == "kernel" else array
        flat[path] = jnp.array(turned, jnp.float32, copy=True)
    # Old files have running averages for instance norm, which needs none.
    for name, array in unused.items():
        if ".running_" not in name:
            raise UserError(f"{name} {list(array.shape)} belongs to no {config.network} generator")
    trees = unflatten_dict(flat)
    return trees["params"], trees.get("batch_stats", {})


def _to_torch(config: GeneratorConfig | DiscriminatorConfig, params: Params, averages: Params) -> dict[str, np.ndarray]:
    places = _places(config)
    arrays: dict[str, np.ndarray] = {}
    norms: dict[tuple[str, ...], Any] = {}
    for path, leaf in flatten_dict(params).items():
        array = np.asarray(leaf)
        array = array.transpose(3, 2, 0, 1) if path[-1] == "kernel" else array
        arrays[_name(path, places)] = np.array(array, np.float32, order="C")
        if path[-1] == "scale":
            norms |= {(*path[:-1], "mean"): np.zeros_like(array), (*path[:-1], "var"): np.ones_like(array)}
    for path, leaf in (norms | flatten_dict(averages)).items():
        name = _name(path, places)
        arrays[name] = np.array(leaf, np.float32)
        arrays[name.rpartition(".")[0] + f".{_COUNTER}"] = np.zeros((), np.int64)
    return arrays
