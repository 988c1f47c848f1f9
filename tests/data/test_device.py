"""The decoded set on the devices."""

import math
from types import SimpleNamespace

import pytest
from helpers import Numbered

from pix2pix_jax.data import device
from pix2pix_jax.data.cache import DoesNotFitError, decoded_set
from pix2pix_jax.data.sources.fitted import FittedSource

SIDE, RESIZE = 8, 10
CROP = (SIDE, SIDE)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return decoded_set(FittedSource(Numbered(500, mixed=True), SIDE, RESIZE), tmp_path_factory.mktemp("cache"), 2)


def test_a_set_too_large_for_the_device(found, monkeypatch):
    largest = found.pixels.nbytes / device.DEVICE_SHARE
    monkeypatch.setattr(device, "free_memory", lambda _: largest + 10)
    device.ResidentSet(found, CROP)
    monkeypatch.setattr(device, "free_memory", lambda _: largest - 10)
    with pytest.raises(DoesNotFitError, match=r"more than 40% of a device's .* free: give --config.data.cache=host"):
        device.ResidentSet(found, CROP)


def test_free_memory_is_measured():
    for statistics, free in ((None, math.inf), ({"bytes_limit": 1000, "bytes_in_use": 300}, 700)):
        assert device.free_memory(SimpleNamespace(memory_stats=lambda statistics=statistics: statistics)) == free
