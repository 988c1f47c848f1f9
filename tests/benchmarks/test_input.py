"""The input benchmark as a user runs it, in small."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import ROOT, smooth_images
from PIL import Image

from benchmarks import input as script
from benchmarks.loading.loaders import make_torch_loader
from pix2pix_jax.errors import UserError

SIZES = ("--image-size=32", "--workers=1", "--rounds=1", "--seconds=0.1")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "input.py"), *SIZES, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=os.environ | {"XLA_FLAGS": "--xla_backend_optimization_level=0"},
    )


def arguments(**values: object) -> SimpleNamespace:
    sizes = {"data": None, "batch_size": 4, "image_size": 32, "photos": 16, "workers": 0, "experiment": "ycrcb_l1"}
    return SimpleNamespace(**{**sizes, **values})


@pytest.fixture(scope="module")
def small_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six photographs that are smaller than the crop."""
    folder = tmp_path_factory.mktemp("small")
    for number, image in enumerate(smooth_images(6, 20)):
        Image.fromarray(image).crop((0, 0, 20, 13 + number)).save(folder / f"{number}.png")
    return folder


@pytest.mark.process
@pytest.mark.parametrize("data", ["photo_folder", "small_photos", ""])
def test_every_mode_is_in_both_tables(data: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    given = [f"--data={request.getfixturevalue(data)}"] if data else []
    process = run(*given, "--batch-size=4", "--photos=16", f"--json={tmp_path / 'found.json'}")
    assert process.returncode == 0, process.stderr
    table, numbers = process.stdout, json.loads((tmp_path / "found.json").read_text())
    for mode in ("device", "host", "none"):
        assert table.count(f"cache={mode}") == 2
        assert numbers["images_per_second"][mode] > 0
        assert 0 < numbers["epoch_gap_share"][mode] < 1
        assert 0 < numbers["wait_share"][mode] < 1
        assert numbers["epoch_seconds"][mode] > 0
    assert numbers["checkpoint_share"] > 0
    assert ("PyTorch is not installed" in table) == (not numbers["ratio_to_data_loader"])


@pytest.mark.process
def test_too_few_photographs_are_an_error_of_one_line(photo_folder: Path) -> None:
    process = run(f"--data={photo_folder}", "--batch-size=64")
    assert process.returncode == 1
    assert process.stderr.startswith("error: --batch-size=64 is more than the 24 photographs")
    assert process.stderr.count("\n") == 1


def test_too_few_photographs_are_counted(photo_folder: Path, tmp_path: Path) -> None:
    given = arguments(data=str(photo_folder), photos=8, batch_size=16)
    with pytest.raises(UserError, match="--batch-size=16 is more than the 8 photographs of an epoch"):
        script.photographs(given, script.run_config(given), tmp_path / "photos")


def test_without_a_folder_or_scikit_image_it_says_what_to_give(tmp_path: Path, monkeypatch) -> None:
    def fail() -> None:
        raise UserError("not installed")

    monkeypatch.setattr(script, "open_bundled", fail)
    with pytest.raises(UserError, match="give --data=DIR"):
        script.photographs(arguments(), script.run_config(arguments()), tmp_path / "photos")


def test_pytorchs_loader_enlarges_photographs_smaller_than_the_crop(small_photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    given = arguments(data=str(small_photos))
    config = script.run_config(given)
    loader = make_torch_loader(script.photographs(given, config, tmp_path / "photos"), config)
    assert [tuple(batch.shape) for batch in loader] == [(4, 3, 32, 32)]
