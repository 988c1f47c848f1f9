"""Five photographs that come with scikit-image: training at once, with nothing to download.

Each photograph is cut in two: what is trained on, and a rectangle that never is, which the network
is evaluated on. The cut runs through faces, cups and wheels, so that what is held out has colours the
rest could teach.

The files' terms, as scikit-image and the owners state them:

- `astronaut`: NASA, public domain (no known copyright restrictions).
- `chelsea`: CC0 by the photographer, Stefan van der Walt.
- `coffee`: CC0 by the photographer, Rachel Michetti; courtesy of Pikolo Espresso Bar.
- `rocket`: SpaceX, released into the public domain.
- `motorcycle_left`: Middlebury 2014 stereo benchmark; not CC0, but its owners "grant permission to
  use and publish all images" and ask to cite D. Scharstein et al., "High-resolution stereo datasets
  with subpixel-accurate ground truth", GCPR 2014.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.photos import read_image


class Square(NamedTuple):
    """A square part of a photograph, in its pixels."""

    left: int
    top: int
    side: int


class Photograph(NamedTuple):
    """One photograph and how it is cut.

    Attributes:
        file: in scikit-image's data folder.
        held_out: (left, top, right, bottom) of the rectangle never trained on, px.
        eval_windows: the squares (left, top, side) that the network is evaluated on, all inside `held_out`.
    """

    file: str
    held_out: tuple[int, int, int, int]
    eval_windows: tuple[tuple[int, int, int], ...]


PHOTOGRAPHS = (
    Photograph(  # right half of the face, collar, orange suit, badge
        "astronaut.png",
        (222, 0, 372, 384),
        ((222, 30, 150), (224, 236, 146), (222, 85, 112), (222, 150, 150), (256, 286, 96), (222, 20, 120)),
    ),
    Photograph(  # right eye, right half of the nose, whiskers, blurred background
        "chelsea.png",
        (262, 70, 451, 300),
        ((262, 76, 180), (262, 190, 110), (270, 90, 96), (262, 140, 160), (300, 72, 150), (262, 72, 130)),
    ),
    Photograph(  # right half of the cup and of the coffee in it, spoon, saucer, wood
        "coffee.png",
        (290, 0, 460, 330),
        ((290, 20, 170), (290, 80, 120), (300, 200, 130), (290, 160, 170), (360, 40, 100), (330, 90, 130)),
    ),
    Photograph(  # upper half of the rocket, evening sky, a tower
        "rocket.jpg",
        (240, 90, 480, 260),
        ((240, 90, 170), (262, 120, 120), (310, 90, 170), (275, 100, 100), (280, 110, 150), (240, 130, 130)),
    ),
    Photograph(  # headlight, red mudguard, front wheel, boxes on shelves
        "motorcycle_left.png",
        (480, 90, 741, 500),
        ((480, 240, 260), (480, 100, 120), (500, 230, 200), (560, 90, 180), (520, 250, 120), (600, 130, 110)),
    ),
)

# Sides of the windows trained on, px: from one that shows a texture to the largest that fits beside every cut.
_TRAIN_SIDES = (88, 112, 144, 180, 212)
_WINDOWS_PER_SIDE = 40
_STRIDE = 4


@dataclass(frozen=True)
class WindowSource:
    """Windows of photographs, uint8 [H, W, 3]: for each, the photograph's number and the part; see `ImageSource`."""

    photographs: Sequence[NDArray[np.uint8]]
    windows: Sequence[tuple[int, Square]]
    name: str = "bundled"

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int, /) -> NDArray[np.uint8]:
        """One window, uint8 [side, side, 3]; see `ImageSource`."""
        photograph, (left, top, side) = self.windows[index]
        return self.photographs[photograph][top : top + side, left : left + side]

    def fingerprint(self) -> str:
        """From all pixels and windows; see `ImageSource`."""
        digest = hashlib.sha256(repr(tuple(self.windows)).encode())
        for photograph in self.photographs:
            digest.update(photograph.tobytes())
        return digest.hexdigest()

    def identity(self) -> str:
        """The same; see `ImageSource`."""
        return self.fingerprint()


def open_bundled() -> tuple[WindowSource, WindowSource]:
    """Opens the bundled photographs.

    Returns:
        The source to train on, 1,000 windows of several scales, as many from each photograph; and the one to evaluate
        on, 30 windows that share no pixel with those, for which photographs take turns.
    """
    import skimage  # imported when asked for: colouring does without

    folder = Path(skimage.__file__).parent / "data"
    photographs = [read_image(folder / photograph.file) for photograph in PHOTOGRAPHS]
    train_windows = [
        (index, window)
        for index, photograph in enumerate(PHOTOGRAPHS)
        for window in _train_windows(photograph.held_out, *photographs[index].shape[:2])
    ]
    turns = zip(*(photograph.eval_windows for photograph in PHOTOGRAPHS), strict=True)
    eval_windows = [(index, Square(*window)) for turn in turns for index, window in enumerate(turn)]
    return WindowSource(photographs, train_windows), WindowSource(photographs, eval_windows)


def _train_windows(held_out: tuple[int, int, int, int], height: int, width: int) -> list[Square]:
    """Squares of a photograph beside its held-out rectangle, always the same: as many of every side, scattered."""
    scatter = np.random.default_rng(0)
    first, top, last, bottom = held_out
    windows = []
    for side in _TRAIN_SIDES:
        places = [
            Square(x, y, side)
            for y in range(0, height - side + 1, _STRIDE)
            for x in range(0, width - side + 1, _STRIDE)
            if x + side <= first or x >= last or y + side <= top or y >= bottom
        ]
        chosen = scatter.choice(len(places), _WINDOWS_PER_SIDE, replace=False)
        windows += [places[place] for place in chosen]
    return windows
