"""The parts of a film that are done, each a file of packets, and of what the frames after them follow from."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from av.packet import Packet

from pix2pix_jax.files import replacing, writing
from pix2pix_jax.inference.points import Point


class Done(NamedTuple):
    """How many frames are done, the time of the last in the film's time base, and the points that hold after it."""

    frames: int
    pts: int
    points: tuple[Point, ...]


def add_part(folder: Path, packets: list[Packet], done: Done) -> None:
    """Keeps a part, and what is done with it."""
    path = folder / f"{len(_parts(folder)):06d}.npz"
    table = [[p.size, p.pts, p.pts if p.dts is None else p.dts, p.duration or 0, p.is_keyframe] for p in packets]
    content = np.frombuffer(b"".join(map(bytes, packets)), np.uint8)
    state = json.dumps([done.frames, done.pts, [asdict(point) for point in done.points]])
    with writing(path), replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, content=content, table=np.array(table, np.int64), state=np.array(state))


def read_done(folder: Path) -> Done | None:
    """What is done; None if nothing is."""
    for path in _parts(folder)[-1:]:
        with np.load(path) as arrays:
            frames, pts, points = json.loads(str(arrays["state"]))
        return Done(frames, pts, tuple(Point(**fields) for fields in points))


def packets_of(folder: Path, time_base: Fraction) -> Iterator[Packet]:
    """The packets of all parts; times of decoding rise, also where two parts meet."""
    last = -(2**62)
    for path in _parts(folder):
        with np.load(path) as arrays:
            content, table, start = arrays["content"], arrays["table"].tolist(), 0
        for size, pts, dts, duration, key in table:
            packet = Packet(content[start : start + size].tobytes())
            packet.time_base, packet.is_keyframe, start = time_base, bool(key), start + size
            packet.pts, packet.dts, packet.duration = pts, max(dts, last + 1), duration
            last = packet.dts
            yield packet


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npz"))
