"""The C library's heap, in processes of its own: what is set there stays set."""

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from pix2pix_jax import host

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

_BEGIN = """
import ctypes, resource
from pix2pix_jax import host
libc = ctypes.CDLL(None)
libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
libc.free.argtypes, libc.free.restype = [ctypes.c_void_p], None
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def punch_holes(count, size):
    chunks = [libc.malloc(size) for _ in range(2 * count)]
    for chunk in chunks[::2]:
        libc.free(chunk)
    return chunks[::2]
"""


def run(code):
    command = [sys.executable, "-c", _BEGIN + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs Linux")
def test_cores_are_those_that_this_process_may_use():
    run(
        """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
assert host.cores() == 1
"""
    )


@pytest.mark.process
@glibc
def test_freed_memory_is_kept():
    run(
        """
host.keep_freed_memory()
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
size = 2**31 + 2**28  # more than an int counts, as large steps take
block = libc.malloc(size)
libc.memset(block, 1, size)
libc.free(block)
assert resident() > size
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
libc.memset(libc.malloc(size), 1, size)
new_pages = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
assert new_pages < 100, new_pages  # of 589,824
"""
    )


@pytest.mark.process
@glibc
def test_holes_are_filled_and_buffers_have_places_of_their_own():
    run(
        """
host.keep_freed_memory()
before = resident()
holes = punch_holes(2000, 100_000)
assert libc.malloc(100_000) in holes  # as glibc has it
size = 2**27
host.make_room([size, size])
assert resident() - before < 2**26  # of what was taken, few pages are touched
places = [libc.malloc(size), libc.malloc(size)]
for place in places:
    libc.free(place)
small = [libc.malloc(100_000) for _ in range(500)]
assert min(small) > max(holes)
assert sorted([libc.malloc(size), libc.malloc(size)]) == sorted(places)
"""
    )


@pytest.mark.process
@glibc
def test_without_kept_memory_no_room_is_made():
    run(
        """
holes = punch_holes(100, 100_000)
host.make_room([2**27])
assert libc.malloc(100_000) in holes
"""
    )


def test_another_c_library_is_left_alone(monkeypatch):
    class Other:
        def __getattr__(self, name):
            raise AttributeError(name)

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Other())
    host.keep_freed_memory()
    host.make_room([1])
