"""Hundreds of hostile files: none crashes or stops a reader, fills the memory, or keeps sound photographs from work."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from faults import hostile
from helpers import ROOT, smooth_images
from PIL import Image

SECONDS = 2.0  # of the processor, for one file
GIGABYTES = 3.0  # of memory, beyond what the process has at its start

# Reads every file in both ways, and prints of each what became of it and how long it took.
_READER = """
import json, os, resource, sys, time, warnings
from pathlib import Path
import numpy, PIL.ImageCms
from PIL import Image
from pix2pix_jax.photos import read_image
from pix2pix_jax.data.sources.scan import find_images
from pix2pix_jax.inference import photo_files
from pix2pix_jax.inference.gray import gray_photo
from pix2pix_jax.photos import metadata_to_keep

warnings.simplefilter("ignore")
Image.init()
page = resource.getpagesize()
held = page * int(Path("/proc/self/statm").read_text().split()[0])
limit = held + int(float(sys.argv[2]) * 2**30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def gray(path, damaged):
    with photo_files.reading(path) as image:
        getattr(image, "n_frames", 1)
        luma = gray_photo(image, damaged).luma
        metadata_to_keep(image)
        return luma

folder = Path(sys.argv[1])
ways = {"trained on": lambda path: read_image(path, 112), "coloured": lambda path: gray(path, False)}
ways["damaged"] = lambda path: gray(path, True)
for name in find_images(folder)[0]:
    for way, read in ways.items():
        start = time.process_time()
        try:
            pixels = read(folder / name)
            result = [str(pixels.dtype), pixels.shape[0] * pixels.shape[1]]
        except Exception as error:
            result = type(error).__name__
        print(json.dumps([name, way, result, time.process_time() - start]), flush=True)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": peak * 1024}))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    return folder, hostile.make(folder, Image.fromarray(smooth_images(1, 48)[0]))


def python(*arguments: str | Path) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XLA_FLAGS": "", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, timeout=600, env=environment, check=False
    )


@pytest.mark.process
def test_no_file_crashes_hangs_or_fills_the_memory(folder):
    path, sound = folder
    result = python("-X", "faulthandler", "-c", _READER, path, str(GIGABYTES))
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0, (lines[-1:], result.stderr.decode()[-2000:])
    *read, last = lines
    assert len({name for name, *_ in read}) >= 250
    assert last["peak"] < GIGABYTES * 2**30
    slow = [(name, way, seconds) for name, way, _, seconds in read if seconds > SECONDS]
    assert slow == []
    assert [entry for entry in read if entry[2] == "MemoryError"] == []
    by_way: dict[str, dict] = {}
    for name, way, found, _ in read:
        by_way.setdefault(way, {})[name] = found
    for name in sound:
        assert by_way["trained on"][name] == by_way["coloured"][name] == ["uint8", 48 * 48]
    # What one can read, the other can.
    readable = [
        {name for name, found in by_way[way].items() if isinstance(found, list)} for way in ("trained on", "coloured")
    ]
    assert readable[0] ^ readable[1] == set()


@pytest.mark.process
def test_the_sound_ones_are_coloured(folder, generator_file, tmp_path):
    path, sound = folder
    result = python(
        "-m", "pix2pix_jax.commands.start", "colorize", path, "--checkpoint", generator_file, "--out", tmp_path / "out"
    )
    errors = result.stderr.decode(errors="surrogateescape").splitlines()
    assert result.returncode == 1
    # libtiff and libpng write lines of their own, in pieces where two threads decode; Python has nothing to say.
    assert [line for line in errors if re.search(r"Traceback|Warning\b|^  File ", line)] == []
    assert any("pillow-heif" in line for line in errors)
    for name in sound:
        with Image.open(tmp_path / "out" / name) as image:
            assert image.size == (48, 48)
