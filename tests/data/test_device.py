"""The decoded set on the devices."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers import Numbered

from pix2pix_jax.data import device
from pix2pix_jax.data.cache import DecodedSet, DoesNotFitError, decoded_set
from pix2pix_jax.data.order import Order
from pix2pix_jax.data.sources.fitted import FittedSource

SIDE, RESIZE = 8, 10
CROP = (SIDE, SIDE)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> DecodedSet:
    return decoded_set(FittedSource(Numbered(500, mixed=True), SIDE, RESIZE), tmp_path_factory.mktemp("cache"), 2)


def test_crops_are_those_of_the_host_each_device_its_own(found: DecodedSet) -> None:
    resident = device.ResidentSet(found, CROP)
    order = Order(500, batch_size=24, seed=0)
    for step in (0, 40):
        draws = order[step]
        made = resident.cut(draws)
        assert made.shape == (8, 3, SIDE, SIDE, 3)
        assert len(made.sharding.device_set) == 8
        assert {shard.data.shape for shard in made.addressable_shards} == {(1, 3, SIDE, SIDE, 3)}
        upright = [
            crop[:, ::-1] if mirrored else crop
            for crop, mirrored in zip(np.asarray(made).reshape(24, SIDE, SIDE, 3), draws.mirrored, strict=True)
        ]
        np.testing.assert_array_equal(upright, found.cut(draws, CROP))


def test_a_set_too_large_for_the_device(found: DecodedSet, monkeypatch: pytest.MonkeyPatch) -> None:
    largest = found.pixels.nbytes / device.DEVICE_SHARE
    monkeypatch.setattr(device, "free_memory", lambda _: largest + 10)
    device.ResidentSet(found, CROP)
    monkeypatch.setattr(device, "free_memory", lambda _: largest - 10)
    with pytest.raises(DoesNotFitError, match=r"more than 40% of a device's .* free: give --config.data.cache=host"):
        device.ResidentSet(found, CROP)


def test_free_memory_is_measured() -> None:
    for statistics, free in ((None, math.inf), ({"bytes_limit": 1000, "bytes_in_use": 300}, 700)):
        assert device.free_memory(SimpleNamespace(memory_stats=lambda statistics=statistics: statistics)) == free
