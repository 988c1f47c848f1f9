"""Between two lines of the log the host only starts programs: one for the step, and one for the batch."""

import gzip
import json

import jax
import pytest
from helpers import load_config

from pix2pix_jax import data
from pix2pix_jax.data.sources import open_folder
from pix2pix_jax.state import build_model
from pix2pix_jax.training import parallel
from pix2pix_jax.training.loss_log import LossLog

pytestmark = pytest.mark.process  # profiling takes a few seconds
STEPS = 4


@pytest.fixture(scope="module")
def trained_once(plain_operations):
    """The step, compiled, and a state."""
    model = build_model(load_config("ycrcb_l1", batch_size=8, image_size=32), STEPS)
    return parallel.parallel_train_step(model), parallel.place(model.init(jax.random.key(0)))


def programs(folder):
    """The names of the compiled functions that a profile saw being called."""
    (path,) = folder.rglob("*.trace.json.gz")
    with gzip.open(path) as file:
        events = json.load(file)["traceEvents"]
    return {event["name"] for event in events if event.get("name", "").startswith("PjitFunction(")}


@pytest.mark.parametrize("cache", ["device", "host", "none"])
def test_a_step_is_one_program_and_its_batch_at_most_one_more(trained_once, photo_folder, tmp_path, cache):
    step, state = trained_once
    state = jax.tree.map(lambda leaf: leaf.copy(), state)
    photos = open_folder(str(photo_folder), "config.data.root", shorter_side=40)
    loader = data.Loader(
        photos,
        batch_size=8,
        image_size=32,
        resize=40,
        seed=0,
        cache=cache,
        cache_dir=str(tmp_path / "decoded"),
        num_workers=2 if cache == "host" else 0,
    )
    losses = LossLog()
    with loader.iterate() as batches:
        state, metrics = step(state, next(batches))
        jax.block_until_ready(metrics)
        # The guard refuses whatever goes to a device, or (on a GPU or TPU) comes from it, without being asked for.
        with jax.profiler.trace(str(tmp_path / "profile")), jax.transfer_guard("disallow"):
            for number in range(STEPS):
                state, metrics = step(state, next(batches))
                losses.add(number, metrics)
            jax.block_until_ready(metrics)
    seen = programs(tmp_path / "profile")
    assert 1 <= len(seen) <= 2, seen
    assert losses.mean()[0] == STEPS
