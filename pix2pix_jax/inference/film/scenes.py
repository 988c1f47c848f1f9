"""Colour that stays with what it is on: generated for every few frames, and moved along the flow between them."""

import dataclasses
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pix2pix_jax.inference.film.flow import Floats, Luma, Motion, motion_between, moved
from pix2pix_jax.inference.film.reading import Frame, Picture
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.like import points_like
from pix2pix_jax.inference.painting import LONGEST, coloring_side, make_chroma
from pix2pix_jax.inference.points import Point, in_pixels

_TINY = np.float32(1e-3)  # so that where nothing is to be trusted, weights have a sum
_LOST, _MUCH = 0.1, 0.01  # certainty of colour from either end, below which it is lost; share of a frame

Points = tuple[Point, ...]
"""Their places are shares of the picture."""


Run = tuple[list[Frame], Points]
"""Frames in colour, and the points that hold after them."""


class Colorist(NamedTuple):
    """Colours a film's frames at the coloring scale."""

    generator: TrainedGenerator
    picture: Picture
    points: Points = ()
    like: Image.Image | None = None  # in colour, for frames that show something alike
    seed: int = 0
    every: int = 16  # frames from one that colour is generated for to the next

    def color(self, frames: Iterable[Frame], held: Points = (), seconds: float = -1.0) -> Iterator[Run]:
        """Colours a film's frames, or those after a time at which some points held.

        Colour is generated for a scene's first frame and its last, for every sixteenth between, and where points come
        in. The others get it from both ends: the more, the nearer that is, and the further the flow is to be trusted.
        What is lost on the way is coloured anew.
        """
        run: list[Frame] = []
        motions: list[Motion] = []
        for frame in frames:
            frame.small, now = self._small(frame.luma), self.picture.seconds(frame.pts)
            coming = tuple(self._share(each) for each in self.points if seconds < each.time <= now)
            motion, seconds = [motion_between(run[-1].small, frame.small)] if run else [], now
            cut = any(each.is_cut() for each in motion)
            if run and (cut or coming):
                run, held = self._between(run, motions, held)
                held = () if cut else _moved(held, motion)
                yield run, held
                run, motions, motion = [], [], []
            run, motions = [*run, frame], [*motions, *motion]
            if len(run) == 1:
                held += coming
                frame.chroma = self._generated(frame.small, held)
            elif len(run) > self.every:
                run, held = self._between(run, motions, held)
                yield run[:-1], held
                run, motions = [frame], []
        if run:
            yield self._between(run, motions, held)

    def _between(self, run: list[Frame], motions: list[Motion], held: Points) -> Run:
        """Colours all frames of a run, of which the first has colour."""
        after = _moved(held, motions)
        if motions:
            run[-1].chroma = self._generated(run[-1].small, after)
            self._fill(run, motions, held)
        return run, after

    def _fill(self, run: list[Frame], motions: list[Motion], held: Points) -> None:
        """Colours the frames between the ends of a run; its middle anew, where the flow loses too much until there."""
        if len(motions) < 2:
            return
        from_start = _carried(run[0].chroma, [(each.back, each.back_trust) for each in motions[:-1]])
        from_end = _carried(run[-1].chroma, [(each.ahead, each.ahead_trust) for each in motions[:0:-1]])[::-1]
        for place, ((early, its), (late, sure)) in enumerate(zip(from_start, from_end, strict=True), 1):
            say, other = (its + _TINY) * (len(motions) - place), (sure + _TINY) * place
            run[place].chroma = late + (say / (say + other))[..., None] * (early - late)
        middle = len(motions) // 2
        certain = np.maximum(from_start[middle - 1][1], from_end[middle - 1][1])
        if len(motions) > 3 and (certain < _LOST).mean() > _MUCH:
            there, frame = _moved(held, motions[:middle]), run[middle]
            generated = self._generated(frame.small, there)
            frame.chroma = generated + certain[..., None] * (frame.chroma - generated)
            self._fill(run[: middle + 1], motions[:middle], held)
            self._fill(run[middle:], motions[middle:], there)

    def _generated(self, luma: Luma, held: Points) -> Floats:
        alike = [] if self.like is None else points_like(self.generator, luma, self.like)
        return make_chroma(self.generator, luma, self.seed, [*alike, *held])

    def _small(self, luma: NDArray) -> Luma:
        picture, side = self.picture, coloring_side(self.generator)
        shown = float(picture.width * picture.sample_aspect_ratio), float(picture.height)
        size = [round(min(side * length / min(shown), LONGEST * side)) for length in shown]
        small = picture.unit(cv2.resize(luma, size, interpolation=cv2.INTER_AREA).astype(np.float32))
        return np.ascontiguousarray(np.rot90(np.rint(255.0 * small).astype(np.uint8), picture.turns))

    def _share(self, point: Point) -> Point:
        size = self.picture.upright
        numbers = zip((point.x, point.y, point.radius), (*size, min(size)), strict=True)
        x, y, radius = (None if each is None else in_pixels(each, length) / length for each, length in numbers)
        return dataclasses.replace(point, x=x, y=y, radius=radius)


def _carried(chroma: Floats, steps: Iterable[tuple[Floats, Floats]]) -> list[tuple[Floats, Floats]]:
    """Chroma after each step along a flow, and how certain it is there: all steps so far are to be trusted."""
    certain, carried = np.ones(chroma.shape[:2], np.float32), []
    for flow, trust in steps:
        chroma, certain = moved(chroma, flow), moved(certain, flow).clip(0.0, 1.0) * trust
        carried.append((chroma, certain))
    return carried


def _moved(points: Points, motions: Iterable[Motion]) -> Points:
    """Points after some frames; those that have left the picture are gone."""
    places = np.array([[point.x, point.y] for point in points]).reshape(-1, 2)
    for flow in (motion.ahead for motion in motions):
        size = np.array(flow.shape[1::-1])
        columns, rows = (places * size).clip(0, size - 1).astype(int).T
        places += flow[rows, columns] / size
    pairs = zip(points, places.tolist(), strict=True)
    return tuple(dataclasses.replace(point, x=x, y=y) for point, (x, y) in pairs if 0.0 <= min(x, y) <= max(x, y) < 1.0)
