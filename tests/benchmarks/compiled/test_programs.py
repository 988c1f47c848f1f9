"""Programs for devices that are there, 8 of a CPU, in place of those that are not."""

import json
from pathlib import Path

import jax
import pytest
from helpers import load_config

from benchmarks import aot
from benchmarks.compiled import targets
from benchmarks.compiled.report import as_text, describe
from pix2pix_jax.errors import UserError

pytestmark = pytest.mark.process  # runs a benchmark
CONFIG = load_config("ycrcb_l1", batch_size=16, image_size=32)
H100 = targets.TARGETS["h100"]


def test_a_step_is_described():
    step = describe(aot.lower_step(CONFIG, jax.devices()).compile(), CONFIG, H100, 8)
    assert (step["devices"], step["images_per_device"]) == (8, 2)
    assert step["kernels"] > 50
    assert step["all_reduces"] >= 1
    # At least the gradients of G's 872,418 parameters, in float32.
    assert 4 * 872_418 < step["all_reduce_bytes"] < 4 * 900_000
    assert step["temp_bytes"] > 0
    assert step["counted_by"] == "the compiler"
    assert len(step["costliest"]) == 20
    least = step["bytes_per_image"] * 2 / 3.35e12
    assert step["images_per_second_at_most"] == pytest.approx(16 / least)
    assert json.loads(json.dumps(step)) == step
    assert "NVIDIA H100 SXM × 8: step of ycrcb_l1, float32, 2 images of 32×32 a device" in as_text(step)


def test_a_compiler_that_is_not_installed_is_one_line(monkeypatch):
    def absent(**_):
        raise RuntimeError("Unknown backend cuda\nand much more")

    monkeypatch.setattr("jax.experimental.topologies.get_topology_desc", absent)
    with pytest.raises(
        UserError, match=r"cannot compile for NVIDIA H100 SXM here \(Unknown backend cuda\): pip install"
    ):
        H100.devices(1)


def test_a_tpu_host_has_one_four_or_eight_chips():
    with pytest.raises(UserError, match="--devices=3: a v5e host has 1, 4, 8 chips"):
        targets.TARGETS["tpu-v5e"].devices(3)


def test_a_config_that_cannot_be_is_refused(monkeypatch):
    monkeypatch.setattr("sys.argv", ["aot.py", "--target=h100", "--batch-size=7", "--devices=2"])
    with pytest.raises(UserError, match=r"^config\.batch_size=7 cannot be split over 2 devices"):
        aot.main()


def test_more_traffic_than_before_is_an_error():
    before = json.loads((Path(aot.__file__).parent / "results/compiled/h100_bfloat16.json").read_text())
    aot.check_limit(before | {"bytes_per_image": 1.02 * before["bytes_per_image"]}, before)
    more = 1.035 * before["bytes_per_image"]
    with pytest.raises(UserError, match=f"{more / 1e6:.1f} MB .* {before['bytes_per_image'] / 1e6:.1f} "):
        aot.check_limit(before | {"bytes_per_image": more}, before)
    with pytest.raises(UserError, match="of dtype=bfloat16, not float32"):
        aot.check_limit(before | {"dtype": "float32"}, before)
