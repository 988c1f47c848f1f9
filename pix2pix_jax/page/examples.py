"""Photographs to try the page with: of those that come with scikit-image, three that are CC0, made grey."""

from importlib.util import find_spec
from pathlib import Path

from PIL import Image

_PHOTOGRAPHS = {"cat": "chelsea.png", "coffee": "coffee.png", "camera": "camera.png"}


def write_examples(folder: Path) -> list[Path]:
    """Writes the photographs that the installed scikit-image has, in grey.

    Args:
        folder: where to.

    Returns:
        The files, PNG.
    """
    spec = find_spec("skimage")
    data = Path(spec.origin).parent / "data" if spec is not None and spec.origin else Path()
    written = []
    for name, file in _PHOTOGRAPHS.items():
        if (data / file).is_file():
            with Image.open(data / file, formats=("PNG",)) as image:
                image.convert("L").save(folder / f"{name}.png")
            written.append(folder / f"{name}.png")
    return written
