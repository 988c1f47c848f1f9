"""The parts of a film that are done, each a file of packets and of the state after them."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.packet import Packet

from pix2pix_jax.files import replacing, writing
from pix2pix_jax.inference.film.scenes import State, state_of


def files_of(folder: Path) -> list[Path]:
    """The parts, in order."""
    return sorted(folder.glob("*.npz"))


def add_part(folder: Path, packets: Sequence[Packet], frames: int, state: State) -> None:
    """Keeps a part: so many frames, and the state after them."""
    path = folder / f"{len(files_of(folder)):06d}.npz"
    table = [[p.size, p.pts, p.pts if p.dts is None else p.dts, p.duration or 0, p.is_keyframe] for p in packets]
    content = np.frombuffer(b"".join(map(bytes, packets)), np.uint8)
    arrays = {"content": content, "table": np.array(table, np.int64), "frames": np.array(frames), **state.arrays()}
    with writing(path), replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def reached(folder: Path) -> tuple[int, State | None]:
    """How many frames are done, and the state after them."""
    frames, state = 0, None
    for path in (files := files_of(folder)):
        with np.load(path) as arrays:
            frames += int(arrays["frames"])
            state = state_of(arrays) if path == files[-1] else None
    return frames, state


def packets_of(folder: Path, time_base: Fraction) -> Iterator[Packet]:
    """The packets of all parts."""
    for path in files_of(folder):
        with np.load(path) as arrays:
            content, table = arrays["content"], arrays["table"].tolist()
        start = 0
        for size, pts, dts, duration, key in table:
            packet = Packet(content[start : start + size].tobytes())
            packet.time_base, packet.is_keyframe, start = time_base, bool(key), start + size
            packet.pts, packet.dts, packet.duration = pts, dts, duration
            yield packet
