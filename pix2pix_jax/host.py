"""What this process has of its host: cores, and the C library's heap, from which XLA's CPU backend takes memory.

Of the heaps only glibc's is tuned.
"""

import ctypes
import os
from collections.abc import Sequence
from typing import Any

# From malloc.h: M_TRIM_THRESHOLD, of which -1 turns trimming off, M_MMAP_MAX and M_ARENA_MAX.
_KEEPING = ((-1, -1), (-4, 0), (-8, 1))

_HOLES = (2**16, 2**17, 2**18, 2**19)  # sizes from which holes are filled, in bytes
_SCRATCH = 2**26  # room for what operations take for a moment, in bytes
_MOST = 2**30  # that are filled, in bytes of each size
_SLACK = 2**27  # room beside each large buffer, in bytes: more than `_SCRATCH`, so that small ones go there

_keeping = False


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Makes this process keep what it frees.

    By default glibc hands the step's buffers back to the system after every step and gets zeroed pages again: a step
    then takes 1.38 times as long in float32, and 1.32 times in bfloat16 (batch 64 of 96×96, two cores, AVX2).
    """
    global _keeping
    libc = _glibc()
    if libc is not None:
        _keeping = all(libc.mallopt(option, value) for option, value in _KEEPING)


def make_room(sizes: Sequence[int]) -> None:
    """Tidies the heap after a compilation, before the compiled program runs, where `keep_freed_memory` was called.

    A compiler leaves tens of thousands of holes among what it keeps. XLA's operations take scratch memory some ten
    thousand times in a step, and glibc then walks through lists of holes in search of the best fit, under a lock that
    the other cores wait for: a step takes 1.06 to 1.14 times as long in float32, and as long in bfloat16. So the holes
    that are large enough are filled for good, after their pages have been given back to the system. Large buffers get a
    place of their own each, or the next small one would be put where the large one was, and that would have to grow the
    heap. All this takes addresses, and memory only where it is touched.

    Args:
        sizes: of the large buffers that the program takes at the same time, in bytes.
    """
    libc = _glibc()
    if libc is None or not _keeping:  # glibc would take large buffers from elsewhere
        return
    libc.malloc_trim(0)
    scratch = libc.malloc(_SCRATCH)  # no hole is as large, so everything below it is a hole, and nothing above
    if scratch is None:
        return
    for size in reversed(_HOLES):
        for _ in range(_MOST // size):
            hole = libc.malloc(size)
            if hole is None or hole > scratch:
                libc.free(hole)
                break
    rooms = [scratch]
    for size in sizes:
        libc.malloc(_HOLES[0])  # stays, and keeps the rooms apart
        rooms.append(libc.malloc(size + _SLACK))
    libc.malloc(_HOLES[0])
    for room in rooms:
        libc.free(room)


def _glibc() -> Any:
    """The C library, if it is glibc, with the types of what is called; else None."""
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 - has only glibc
    except (AttributeError, OSError, TypeError):
        return None
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
    return libc
