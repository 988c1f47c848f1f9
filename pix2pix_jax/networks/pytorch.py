"""Weights of the reference's networks from and to a PyTorch `state_dict`, without PyTorch.

PyTorch's names are those of the blocks here: `enc1.conv.weight`, `enc1.norm.running_mean`, `head.conv.bias`. Its
kernels are OIHW, ours HWIO. It counts the batches that each norm has seen, which nothing needs, and keeps running
averages for the discriminator too, which is never run on them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks.blocks import Params
from pix2pix_jax.networks.reference import ReferenceDiscriminator, ReferenceGenerator

_TORCH_LEAVES: dict[tuple[str, ...], str] = {
    ("conv", "kernel"): "conv.weight",
    ("conv", "bias"): "conv.bias",
    ("norm", "scale"): "norm.weight",
    ("norm", "bias"): "norm.bias",
    ("norm", "mean"): "norm.running_mean",
    ("norm", "var"): "norm.running_var",
}
_COUNTER = "norm.num_batches_tracked"
_KEPT_BY_TORCH_ALONE = {"generator": (_COUNTER,), "discriminator": ("norm.running_mean", "norm.running_var", _COUNTER)}


def generator_from_torch(state_dict: Mapping[str, Any]) -> tuple[Params, Params]:
    """Converts a generator that PyTorch holds.

    Args:
        state_dict: tensors on the CPU, or arrays, by PyTorch's name.

    Returns:
        The Flax parameters and the running averages (collection `batch_stats`), float32 copies.

    Raises:
        UserError: if a tensor is missing, is not the generator's, or has another shape.
    """
    given = _arrays(state_dict, "generator")
    _check(given, "generator")
    return _tree(given, ("kernel", "bias", "scale")), _tree(given, ("mean", "var"))


def generator_to_torch(params: Params, batch_stats: Params) -> dict[str, np.ndarray]:
    """Converts a generator for PyTorch.

    Args:
        params: the Flax parameters.
        batch_stats: the running averages of its batch norms.

    Returns:
        Fresh arrays by PyTorch's name, each to be wrapped with `torch.from_numpy` for `load_state_dict`: float32,
        but for the int64 counters `num_batches_tracked`, which are 0.

    Raises:
        UserError: if an array is missing, is not the generator's, or has another shape.
    """
    given = _torch_arrays(params) | _torch_arrays(batch_stats)
    _check(given, "generator")
    return _completed(given)


def discriminator_from_torch(state_dict: Mapping[str, Any]) -> Params:
    """Converts a discriminator that PyTorch holds, whose running averages are left behind.

    Args:
        state_dict: tensors on the CPU, or arrays, by PyTorch's name.

    Returns:
        The Flax parameters, float32 copies.

    Raises:
        UserError: if a tensor is missing, is not the discriminator's, or has another shape.
    """
    given = _arrays(state_dict, "discriminator")
    _check(given, "discriminator")
    return _tree(given, ("kernel", "bias", "scale"))


def discriminator_to_torch(params: Params) -> dict[str, np.ndarray]:
    """Converts a discriminator for PyTorch, giving it running averages as new ones have them (0 and 1).

    Args:
        params: the Flax parameters.

    Returns:
        As `generator_to_torch`.

    Raises:
        UserError: if an array is missing, is not the discriminator's, or has another shape.
    """
    given = _torch_arrays(params)
    _check(given, "discriminator")
    return _completed(given)


def _arrays(state_dict: Mapping[str, Any], network: str) -> dict[str, np.ndarray]:
    """The tensors that we keep too, as NumPy arrays that may still share PyTorch's memory."""
    arrays = {}
    for name, tensor in state_dict.items():
        if name.endswith(_KEPT_BY_TORCH_ALONE[network]):
            continue
        try:
            arrays[name] = np.asarray(tensor)
        except (TypeError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"{name} cannot be read as an array, give a float32 tensor on the CPU: {reason}") from error
    return arrays


def _torch_name(path: tuple[str, ...]) -> str:
    block, *leaf = path
    return f"{block}.{_TORCH_LEAVES.get(tuple(leaf), '.'.join(leaf))}"


def _torch_arrays(tree: Params) -> dict[str, np.ndarray]:
    """Flattens a Flax tree into fresh float32 arrays by PyTorch's name, kernels OIHW."""
    arrays = {}
    for path, leaf in flatten_dict(tree).items():
        array = np.asarray(leaf)
        if path[-1] == "kernel" and array.ndim == 4:
            array = array.transpose(3, 2, 0, 1)
        arrays[_torch_name(path)] = np.array(array, np.float32, order="C")
    return arrays


def _tree(arrays: Mapping[str, np.ndarray], leaves: tuple[str, ...]) -> Params:
    """Gathers the leaves of the given names into a Flax tree."""
    ours = {torch_leaf: path for path, torch_leaf in _TORCH_LEAVES.items() if path[-1] in leaves}
    flat = {}
    for name, array in arrays.items():
        block, leaf = name.split(".", 1)
        if leaf in ours:
            array = array.transpose(2, 3, 1, 0) if leaf == "conv.weight" else array
            # A copy: JAX would otherwise be free to share memory that PyTorch goes on training in.
            flat[(block, *ours[leaf])] = jnp.array(array, jnp.float32, copy=True)
    return unflatten_dict(flat)


def _completed(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Adds what PyTorch alone keeps, as it is in a new network."""
    fresh: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        block, leaf = name.split(".", 1)
        if leaf == "norm.weight":
            fresh[f"{block}.norm.running_mean"] = np.zeros_like(array)
            fresh[f"{block}.norm.running_var"] = np.ones_like(array)
            fresh[f"{block}.{_COUNTER}"] = np.zeros((), np.int64)
    return fresh | arrays


def _check(given: Mapping[str, np.ndarray], network: str) -> None:
    """Raises UserError unless names and shapes are those of a network with the channels that are given."""
    channels = _channels(given, "enc1" if network == "generator" else "conv1")[1]
    generator = network == "generator"
    module = ReferenceGenerator(_channels(given, "dec4")[0]) if generator else ReferenceDiscriminator()
    wanted = _wanted_shapes(module.init, channels)
    if missing := [name for name in wanted if name not in given]:
        others = f", as are {len(missing) - 1} others" if len(missing) > 1 else ""
        raise UserError(f"the {network}'s {missing[0]} {wanted[missing[0]]} is missing{others}")
    for name, shape in wanted.items():
        if list(given[name].shape) != shape:
            raise UserError(f"{name} has the shape {list(given[name].shape)}, the {network} wants {shape}")
    if unexpected := [name for name in given if name not in wanted]:
        raise UserError(
            f"{unexpected[0]} {list(given[unexpected[0]].shape)} is not the {network}'s,"
            f" whose blocks are {', '.join(dict.fromkeys(name.split('.')[0] for name in wanted))}"
        )


def _channels(given: Mapping[str, np.ndarray], block: str) -> tuple[int, ...]:
    """Output and input channels of a block's OIHW kernel."""
    name = f"{block}.conv.weight"
    if name not in given:
        raise UserError(f"{name}, which tells the number of channels, is missing")
    if given[name].ndim != 4:
        raise UserError(f"{name} has the shape {list(given[name].shape)}, four axes are wanted")
    return given[name].shape[:2]


def _wanted_shapes(init: Callable[..., Any], in_channels: int) -> dict[str, list[int]]:
    """The shape of every tensor of a network by PyTorch's name, kernels OIHW, asked of the network itself."""
    image = jax.ShapeDtypeStruct((1, 32, 32, in_channels), jnp.float32)
    variables = jax.eval_shape(init, jax.random.key(0), image)
    shapes = {}
    for tree in variables.values():
        leaves: dict[tuple[str, ...], Any] = flatten_dict(tree)
        for path, leaf in leaves.items():
            order = (3, 2, 0, 1) if path[-1] == "kernel" else (0,)
            shapes[_torch_name(path)] = [leaf.shape[axis] for axis in order]
    return shapes
