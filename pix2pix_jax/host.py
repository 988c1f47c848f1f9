"""What this process has of its host: cores, and the C library's heap, from which XLA's CPU backend takes memory."""

import ctypes
import os
from pathlib import Path
from typing import Any

# From malloc.h: M_TRIM_THRESHOLD, of which -1 turns trimming off, M_MMAP_MAX and M_ARENA_MAX.
_KEEPING = ((-1, -1), (-4, 0), (-8, 1))

_HOLES = (2**19, 2**18, 2**17, 2**16)  # sizes of holes that are filled, in bytes
_MOST = 2**30  # bytes of each size
_TOP = 2**26  # bytes: more than a hole has, so that it lies above them

_keeping = False


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_avx512() -> bool:
    """Whether this is an x86 processor with AVX-512, where the system says so."""
    try:
        return " avx512" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def keep_freed_memory() -> None:
    """Makes this process keep what it frees, where the C library is glibc.

    By default glibc hands the step's buffers back to the system after every step and gets zeroed pages again: a step
    then takes 1.38 times as long in float32, and 1.32 times in bfloat16 (batch 64 of 96×96, two cores, AVX2).
    """
    global _keeping
    libc = _glibc()
    if libc is not None:
        _keeping = all(libc.mallopt(option, value) for option, value in _KEEPING)


def share_heap() -> None:
    """Has threads take what others have freed (glibc): two that colour 12 megapixels need 0.53 GB instead of 0.66."""
    if (libc := _glibc()) is not None:
        libc.mallopt(*_KEEPING[2])


def fill_holes() -> None:
    """Takes the holes of the heap for good, once the step has been compiled, where `keep_freed_memory` was called.

    A compiler leaves tens of thousands of holes among what it keeps. XLA's operations take scratch memory some ten
    thousand times in a step, and glibc then searches lists of holes for the best fit, under a lock: the step of one
    device takes 1.13 times as long (batch 32 of 96×96, float32, AVX-512). The holes' pages go back to the system.
    """
    libc = _glibc()
    if libc is None or not _keeping:
        return
    libc.malloc_trim(0)
    top = libc.malloc(_TOP)
    for size in _HOLES:
        for _ in range(_MOST // size):
            hole = libc.malloc(size)
            if hole is None or hole > top:
                libc.free(hole)
                break
    libc.free(top)


def _glibc() -> Any:
    """The C library, if it is glibc; else None."""
    try:
        libc = ctypes.CDLL(None)
        libc.gnu_get_libc_version  # noqa: B018 - has only glibc
    except (AttributeError, OSError, TypeError):
        return None
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    return libc
