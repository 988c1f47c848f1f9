"""Colour that stays with what it is on: made for every few frames, and moved along the flow between them."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.inference.film.flow import Floats, Luma, flow_between, is_cut, moved, trust
from pix2pix_jax.inference.film.reading import Frame, Picture
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.like import points_like
from pix2pix_jax.inference.painting import LONGEST, coloring_side, make_chroma
from pix2pix_jax.inference.points import Point, in_pixels

_TINY = np.float32(1e-3)  # so that where nothing is to be trusted, weights have a sum


class Seen(NamedTuple):
    """A frame, and its luma at the coloring scale, upright."""

    frame: Frame
    luma: Luma


class Colored(NamedTuple):
    """The same, with Cr and Cb at that scale, [h, w, 2] in [-0.5, 0.5]."""

    frame: Frame
    luma: Luma
    chroma: Floats


class State(NamedTuple):
    """What the frames after one follow from: that one's, and the points that hold, as shares of the picture."""

    pts: int
    seconds: float
    luma: Luma
    chroma: Floats
    points: tuple[Point, ...]

    def arrays(self) -> dict[str, NDArray]:
        """It as arrays, for a file."""
        points = json.dumps([dataclasses.asdict(point) for point in self.points])
        return {name: np.asarray(value) for name, value in {**self._asdict(), "points": points}.items()}


def state_of(arrays: Mapping[str, NDArray]) -> State:
    """The state that gave some arrays."""
    points = tuple(Point(**fields) for fields in json.loads(str(arrays["points"])))
    return State(int(arrays["pts"]), float(arrays["seconds"]), arrays["luma"], arrays["chroma"], points)


Run = tuple[list[Colored], State]
"""Frames, and the state after them."""


class Colorist(NamedTuple):
    """Colours a film's frames at the coloring scale."""

    generator: TrainedGenerator
    picture: Picture
    points: tuple[Point, ...] = ()
    like: Image.Image | None = None  # in colour, for scenes that show something alike
    seed: int = 0
    every: int = 6  # frames from one that colour is made for to the next
    memory: float = 0.7  # how much of that frame is colour from before, where the flow is to be trusted

    def color(self, frames: Iterable[Frame], state: State | None = None) -> Iterator[Run]:
        """Colours the frames after a state, or a film's beginning; scenes begin anew, and so does what has new points.

        The last frame of a run has colour of its own; those between get it from both ends.
        """
        run: list[Seen] = []
        seconds, before = (-1.0, None) if state is None else (state.seconds, state.luma)
        for frame in frames:
            luma = self._small(frame.luma)
            coming = [self._share(point) for point in self.points if seconds < point.time <= frame.seconds]
            cut = before is None or is_cut(before, luma)
            if state is not None and run and (cut or coming or len(run) == self.every):
                colored, state = self._between(state, run)
                yield colored, state
                run = []
            if state is None or cut or coming:
                held = () if state is None or cut else state.points
                alike = points_like(self.generator, luma, self.like) if self.like is not None and not held else []
                points = (*held, *alike, *coming)
                state = State(
                    frame.pts, frame.seconds, luma, make_chroma(self.generator, luma, self.seed, points), points
                )
                yield [Colored(frame, luma, state.chroma)], state
            else:
                run.append(Seen(frame, luma))
            seconds, before = frame.seconds, luma
        if state is not None and run:
            yield self._between(state, run)

    def _between(self, state: State, run: Sequence[Seen]) -> Run:
        lumas, count = [state.luma, *(luma for _, luma in run)], len(run)
        ahead = [flow_between(first, second) for first, second in pairwise(lumas)]
        back = [flow_between(second, first) for first, second in pairwise(lumas)]
        chroma, certain = state.chroma, np.ones(state.luma.shape, np.float32)
        from_start = []
        for place, (first, second) in enumerate(pairwise(lumas)):
            chroma = moved(chroma, back[place])
            certain = _less(certain, back[place], trust(second, first, back[place], ahead[place]))
            from_start.append((chroma, certain))
        points = _moved_points(state.points, ahead)
        made = make_chroma(self.generator, lumas[-1], self.seed, points)
        chroma = made + np.float32(self.memory) * certain[..., None] * (chroma - made)
        (last, luma), certain = run[-1], np.ones_like(certain)
        state, colored = State(last.pts, last.seconds, luma, chroma, points), [Colored(last, luma, chroma)]
        for place in range(count - 1, 0, -1):
            chroma = moved(chroma, ahead[place])
            agrees = trust(lumas[place], lumas[place + 1], ahead[place], back[place])
            certain = _less(certain, ahead[place], agrees)
            earlier, its_certain = from_start[place - 1]
            say, its_say = (certain + _TINY) * place, (its_certain + _TINY) * (count - place)
            share = (its_say / (say + its_say))[..., None]
            colored.append(Colored(*run[place - 1], chroma + share * (earlier - chroma)))
        return colored[::-1], state

    def _small(self, luma: NDArray) -> Luma:
        picture, side = self.picture, coloring_side(self.generator)
        shown = float(picture.width * picture.aspect), float(picture.height)
        size = [round(min(side * length / min(shown), LONGEST * side)) for length in shown]
        small = picture.unit(cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32))
        return np.ascontiguousarray(np.rot90(np.rint(255.0 * small).astype(np.uint8), picture.turns))

    def _share(self, point: Point) -> Point:
        """The point, with shares of the upright picture for numbers."""
        size = (self.picture.width, self.picture.height)[:: -1 if self.picture.turns % 2 else 1]
        numbers = zip((point.x, point.y, point.radius), (*size, min(size)), strict=True)
        x, y, radius = (None if each is None else in_pixels(each, length) / length for each, length in numbers)
        return dataclasses.replace(point, x=x, y=y, radius=radius)


def _less(certain: Floats, flow: Floats, agrees: Floats) -> Floats:
    """How certain colour is that was moved once more; interpolation leaves [0, 1]."""
    return moved(certain, flow).clip(0.0, 1.0) * agrees


def _moved_points(points: tuple[Point, ...], flows: Sequence[Floats]) -> tuple[Point, ...]:
    """Points after some frames; those that have left the picture are gone."""
    size = np.array(flows[0].shape[1::-1])
    places = np.array([[point.x, point.y] for point in points]).reshape(-1, 2) * size
    for flow in flows:
        columns, rows = places.clip(0, size - 1).astype(int).T
        places += flow[rows, columns]
    pairs = zip(points, (places / size).tolist(), strict=True)
    return tuple(dataclasses.replace(point, x=x, y=y) for point, (x, y) in pairs if 0.0 <= min(x, y) <= max(x, y) < 1.0)
