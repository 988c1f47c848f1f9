"""The loaders that are compared: ours in each of its cache modes, and PyTorch's."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pix2pix_jax import data
from pix2pix_jax.config import Config

MODES = ("device", "host", "none")
"""Where our loader keeps decoded photographs."""


def make_loader(source: data.FolderSource, mode: str, config: Config, scratch: Path) -> data.Loader:
    """The loader of a run."""
    return data.Loader(
        source,
        batch_size=config.batch_size,
        image_size=config.image_size,
        resize=config.data.resize,
        seed=0,
        cache=mode,
        cache_dir=str(scratch / "decoded"),
        num_workers=config.data.num_workers,
    )


def make_torch_loader(source: data.FolderSource, config: Config) -> Any:
    """A `DataLoader` as PyTorch's colouring projects write it: decode, crop, flip, to float tensors in [0, 1].

    None where PyTorch is not installed.
    """
    try:
        import torch
    except ImportError:
        return None
    from torch.utils.data import DataLoader

    workers = config.data.num_workers
    files = [source.root / name for name in source.files]
    return DataLoader(
        TorchFiles(files, config.image_size, config.data.resize),  # type: ignore[arg-type]
        batch_size=config.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context="spawn" if workers else None,
        generator=torch.Generator().manual_seed(0),
    )


class TorchFiles:
    """A map-style PyTorch data set of photographs in files.

    Args:
        files: the photographs.
        image_size: side of the crops, px.
        resize: shorter side of a larger photograph before it is cropped, px.
    """

    def __init__(self, files: list[Path], image_size: int, resize: int) -> None:
        self._files = files
        self._size = image_size
        self._resize = resize

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> Any:
        """One crop, float32 [3, size, size] in [0, 1]."""
        import torch

        image = Image.open(self._files[index]).convert("RGB")
        shorter = min(image.size)
        target = min(max(shorter, self._size), self._resize)  # a photograph smaller than the crop is enlarged to it
        if target != shorter:
            width, height = (round(side * target / shorter) for side in image.size)
            image = image.resize((width, height), Image.Resampling.BILINEAR)
        left = int(torch.randint(0, image.width - self._size + 1, ()))
        top = int(torch.randint(0, image.height - self._size + 1, ()))
        image = image.crop((left, top, left + self._size, top + self._size))
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous().float().div(255)
