import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from helpers import ROOT, load_config

from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import load_trained
from pix2pix_jax.runs.checkpoints import Checkpoints
from pix2pix_jax.state import build_model


def abstract_state(name):
    return jax.eval_shape(build_model(load_config(name), 10).init, jax.random.key(0))


def host_state(name, step):
    """A state whose every number is different."""
    counter = iter(range(10**6))
    state = jax.tree.map(lambda leaf: np.full(leaf.shape, next(counter), leaf.dtype), abstract_state(name))
    return state.replace(step=np.int32(step))


@pytest.fixture
def folder(tmp_path):
    """Three checkpoints, of which two are kept."""
    with Checkpoints(tmp_path / "checkpoints", keep=2) as checkpoints:
        assert checkpoints.latest_step == 0
        for step in (3, 6, 9):
            checkpoints.save(host_state("ycrcb_rgb", step))
    return tmp_path / "checkpoints"


def test_the_newest_comes_back_as_it_was(folder):
    assert {path.name for path in folder.iterdir()} == {"6", "9"}
    with Checkpoints(folder, keep=2) as checkpoints:
        assert checkpoints.latest_step == 9
        restored = checkpoints.restore(abstract_state("ycrcb_rgb"))
    wanted = host_state("ycrcb_rgb", 9)
    assert jax.tree.structure(restored) == jax.tree.structure(wanted)
    for found, value in zip(jax.tree.leaves(restored), jax.tree.leaves(wanted), strict=True):
        assert found.dtype == value.dtype
        np.testing.assert_array_equal(found, value)


def test_a_moving_average_is_kept_where_there_is_one(tmp_path):
    config = load_config("ycrcb_l1", ema_decay=0.9)
    like = jax.eval_shape(build_model(config, 10).init, jax.random.key(0))
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), like))
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        restored = checkpoints.restore(like)
    assert jax.tree.structure(restored) == jax.tree.structure(like)
    assert all((leaf == 1).all() for leaf in jax.tree.leaves(restored.ema))


def test_nothing_is_said_of_an_average_that_is_not_kept(folder):
    # So that runs can be read that are older than averages.
    with ocp.StandardCheckpointer() as reader:
        assert reader.restore(folder / "9" / "default").keys() == {"step", "generator", "averages", "discriminator"}


def test_another_structure_is_an_error(folder):
    with (
        Checkpoints(folder, keep=2) as checkpoints,
        pytest.raises(UserError, match=r"checkpoints/9 cannot be read") as e,
    ):
        checkpoints.restore(abstract_state("ycrcb_l1"))
    assert "\n" not in str(e.value)


def test_a_damaged_one_is_an_error_that_says_what_to_do(folder):
    for path in (folder / "9").rglob("*"):
        if path.is_file() and path.stat().st_size > 1000:
            path.write_bytes(path.read_bytes()[:100])
    with Checkpoints(folder, keep=2) as checkpoints, pytest.raises(UserError, match=r"remove it to go on from the one"):
        checkpoints.restore(abstract_state("ycrcb_rgb"))


def test_runs_of_version_0_1_can_still_be_read():
    folder = ROOT / "tests" / "runs" / "run_of_0.1"  # its arrays are filled with 1/1024, 2/1024, …, in the tree's order
    trained = load_trained(folder)
    assert (trained.config.name, trained.config.image_size, trained.config.data.root) == ("ycrcb_rgb", 32, "photos")
    with Checkpoints(folder / "checkpoints", keep=3) as checkpoints:
        assert checkpoints.latest_step == 3
        restored = checkpoints.restore(abstract_state("ycrcb_rgb"))
    leaves = jax.tree.leaves(restored)
    assert len(leaves) > 100
    numbers = [float(leaf.ravel()[0]) * 1024 for leaf in leaves if leaf.dtype == np.float32]
    assert numbers == sorted(set(numbers))
    assert max(numbers) <= len(leaves) + 3
    np.testing.assert_array_equal(
        trained.params["enc1"]["conv"]["kernel"], restored.generator.params["enc1"]["conv"]["kernel"]
    )
