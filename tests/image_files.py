"""Small photographs in files, and what commands make of them."""

from pathlib import Path

import numpy as np
from helpers import smooth_images
from PIL import Image

from pix2pix_jax.color import LUMA_WEIGHTS
from pix2pix_jax.commands.names import RECORD

PHOTOS = smooth_images(4, 40, seed=2)[:, :36]


def save_photos(folder: Path, *names: str) -> None:
    for name, photo in zip(names, PHOTOS, strict=False):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(folder / name)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def files(folder: Path) -> list[str]:
    """The files in a folder, without the record of their names."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.endswith(RECORD))


def halve(path: Path) -> None:
    """Cuts a file short."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def shows(result: Path, photo: np.ndarray, tolerance: float = 1.0) -> bool:
    """Whether a result is made of a photograph, by its luma."""
    made = pixels(result)[..., :3]
    return made.shape == photo.shape and np.abs(made @ LUMA_WEIGHTS - photo @ LUMA_WEIGHTS).max() <= tolerance


def colourfulness(path: Path) -> float:
    return np.ptp(pixels(path).astype(int), axis=-1).mean()
