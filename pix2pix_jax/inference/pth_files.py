"""Files of the pix2pix authors' PyTorch code, read and written by PyTorch; nothing in a file is run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_jax.config import Config, DataConfig
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing
from pix2pix_jax.networks import DiscriminatorConfig, Params, authors
from pix2pix_jax.tasks import LabColorizationTask, TranslationTask

SUFFIXES = (".pth", ".pt")
"""What the names of such files end with."""

_SIDE = 256  # px; what the authors train and test on, unless told otherwise


def load_generator(path: Path) -> tuple[Config, Params, Params]:
    """Reads a generator (`latest_net_G.pth`), and says which one it found.

    One that makes two channels of one is taken for their colouring of photographs in Lab.

    Args:
        path: the file.

    Returns:
        The config of a run that has this generator, its parameters, and the running averages of its batch norms. At
        test time it uses the statistics of the batch, and dropout, as the authors' code does by default; colouring
        uses the running averages, as every colouring here.

    Raises:
        UserError: if PyTorch is missing, or the file cannot be read or holds no generator of theirs.
    """
    try:
        found = authors.generator_from_authors(read(path))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    generator = found.config
    colours = (found.in_channels, found.out_channels) == (1, 2)
    what = f"{generator.depth} levels" if generator.network == "unet" else f"{generator.blocks} blocks"
    norm = "no norm" if generator.norm == "none" else f"{generator.norm} norm"
    notes = " (colours photographs in Lab)" if colours else ""
    if generator.network == "unet" and not colours:
        notes = "; if it was trained with --no_dropout, give --test-time batch"
    print(
        f"{path}: {generator.network} of {what}, width {generator.width}, {norm}, {found.in_channels} to"
        f" {found.out_channels} channels{notes}"
    )
    config = Config(
        name=path.stem,
        image_size=_SIDE,
        test_time="running" if colours else "batch+dropout",
        task=LabColorizationTask()
        if colours
        else TranslationTask(input_channels=found.in_channels, output_channels=found.out_channels),
        generator=generator,
        discriminator=DiscriminatorConfig("patchgan"),
        data=DataConfig(resize=_SIDE) if colours else DataConfig(source="pairs", resize=_SIDE),
    )
    return config, found.params, found.averages


def write(path: Path, state_dict: Mapping[str, np.ndarray]) -> None:
    """Writes arrays as a `.pth` file.

    Args:
        path: the file to write; one that is there is replaced in one go.
        state_dict: from `authors.generator_to_authors` or `authors.discriminator_to_authors`.

    Raises:
        UserError: if PyTorch is missing.
    """
    torch = _torch()
    with replacing(path) as temporary:
        torch.save({name: torch.from_numpy(np.array(array)) for name, array in state_dict.items()}, temporary)


def read(path: Path) -> dict[str, Any]:
    """Reads a state dict: float32 arrays by name, or one line that says what is wrong."""
    torch = _torch()
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many types, by what is wrong with the file
        reason = str(error).splitlines()[0]
        if reason.startswith("Weights only load failed"):
            reason = "it holds more than tensors: save the network's state_dict()"
        raise UserError(f"it cannot be read as weights of PyTorch ({reason})") from error
    if not isinstance(loaded, Mapping) or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise UserError("it holds no state dict: a mapping of names to tensors is wanted")
    return {name: tensor.float().numpy() for name, tensor in loaded.items()}


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise UserError("files of PyTorch are read and written by PyTorch: pip install torch") from error
    return torch
