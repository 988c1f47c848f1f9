import itertools
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest
from helpers import ROOT, load_config

from pix2pix_jax.config import default_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import load_trained
from pix2pix_jax.runs.checkpoints import Checkpoints, read_newest, steps
from pix2pix_jax.state import build_model


def abstract_state(name):
    return jax.eval_shape(build_model(load_config(name), 10).init, jax.random.key(0))


SMALL = updated(
    default_config(),
    {
        "task.kind": "translation",
        "generator.network": "unet",
        "generator.depth": 2,
        "generator.width": 2,
        "discriminator.network": "pixel",
    },
)


@pytest.fixture(scope="module")
def small():
    """The shapes of a small state."""
    return jax.eval_shape(build_model(SMALL, 10).init, jax.random.key(0))


def filled(like, step):
    random = np.random.default_rng(step)
    state = jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(leaf.dtype), like)
    return state.replace(step=np.int32(step))


@pytest.fixture(scope="module")
def two(tmp_path_factory, small):
    """Checkpoints of two steps."""
    folder = tmp_path_factory.mktemp("two") / "checkpoints"
    with Checkpoints(folder, keep=2) as checkpoints:
        for step in (6, 9):
            checkpoints.save(filled(small, step))
    return folder


def assert_is(state, like, step):
    assert int(state.step) == step
    for found, value in zip(jax.tree.leaves(state), jax.tree.leaves(filled(like, step)), strict=True):
        np.testing.assert_array_equal(found, value)


def test_the_newest_comes_back_as_it_was(small, two):
    restored = read_newest(two, small)
    assert_is(restored, small, 9)
    assert jax.tree.structure(restored) == jax.tree.structure(small)
    assert [leaf.dtype for leaf in jax.tree.leaves(restored)] == [leaf.dtype for leaf in jax.tree.leaves(small)]
    # Nothing is said of an average that is not kept, so that runs can be read that are older than averages.
    with ocp.StandardCheckpointer() as reader:
        assert reader.restore(two / "9" / "default").keys() == {"step", "generator", "averages", "discriminator"}


def test_a_moving_average_is_kept_where_there_is_one(tmp_path):
    like = jax.eval_shape(build_model(updated(SMALL, {"ema_decay": 0.9}), 10).init, jax.random.key(0))
    with Checkpoints(tmp_path, keep=1) as checkpoints:
        checkpoints.save(filled(like, 3))
    assert_is(read_newest(tmp_path, like), like, 3)


def test_another_structure_is_an_error(two):
    with pytest.raises(UserError, match=r"checkpoints/9 cannot be read") as caught:
        read_newest(two, abstract_state("ycrcb_l1"))
    assert "\n" not in str(caught.value)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


DAMAGES = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "a flipped bit": flip_a_byte,
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_whichever_file_is_damaged_what_is_read_is_what_was_saved(damage, tmp_path, small, two, caplog):
    """Of the newest checkpoint, or of the one before it: never anything else."""
    used = {}
    for file in sorted(path.relative_to(two) for path in (two / "9").rglob("*") if path.is_file()):
        shutil.copytree(two, tmp_path / "copy")
        DAMAGES[damage](tmp_path / "copy" / file)
        caplog.clear()
        state = read_newest(tmp_path / "copy", small)
        assert_is(state, small, int(state.step))
        if int(state.step) == 6:
            (message,) = (record.getMessage() for record in caplog.records if record.name.startswith("pix2pix_jax"))
            assert "copy/9 is damaged (" in message
            assert message.endswith("step 6 is used instead")
        used[file.as_posix()] = int(state.step), (two / file).stat().st_size
        shutil.rmtree(tmp_path / "copy")
    largest = max(used, key=lambda name: used[name][1])
    assert used[largest][0] == 6, used
    assert set(dict(used.values())) <= {6, 9}


def test_a_damaged_one_is_set_aside_and_its_step_saved_again(tmp_path, small, two):
    shutil.copytree(two, tmp_path / "checkpoints")
    for path in (tmp_path / "checkpoints" / "9").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with Checkpoints(tmp_path / "checkpoints", keep=2) as checkpoints:
        assert_is(read_newest(tmp_path / "checkpoints", small), small, 6)
        checkpoints.set_aside_damaged(6)
        checkpoints.save(filled(small, 9))
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"6", "9", "damaged_9"}
    assert_is(read_newest(tmp_path / "checkpoints", small), small, 9)


def test_where_all_are_damaged_none_is_to_be_removed(tmp_path, small, two):
    shutil.copytree(two, tmp_path / "checkpoints")
    for path in (tmp_path / "checkpoints").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(UserError, match=r"checkpoints/9 cannot be read \(.*no older one that can") as caught:
        read_newest(tmp_path / "checkpoints", small)
    assert "remove" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a [b] c", "a*", "b?", "[", "{x}", "100 %", "#1", "Zürich 写真", "a'b\"c", "~", "a\nb"]
)
def test_a_folder_of_any_name(name, tmp_path, small):
    with Checkpoints(tmp_path / name / "checkpoints", keep=2) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(filled(small, step))
    assert {path.name for path in (tmp_path / name / "checkpoints").iterdir()} == {"2", "3"}
    assert_is(read_newest(tmp_path / name / "checkpoints", small), small, 3)


def test_a_first_checkpoint_that_cannot_be_read_back_ends_the_run(tmp_path, small, monkeypatch):
    save = ocp.CheckpointManager.save

    def save_and_lose(*args, **kwargs):
        save(*args, **kwargs)
        for path in (tmp_path / "checkpoints" / "5" / "default" / "d").iterdir():
            path.unlink()

    monkeypatch.setattr(ocp.CheckpointManager, "save", save_and_lose)
    cannot = pytest.raises(UserError, match="checkpoints/5 was written and cannot be read back")
    with Checkpoints(tmp_path / "checkpoints", keep=2) as checkpoints, cannot:
        checkpoints.save(filled(small, 5))


def test_one_that_is_cleaned_up_while_it_is_read_is_not_missed(tmp_path, small, caplog):
    """A reader beside a run that keeps one checkpoint and saves without a pause."""
    stop = threading.Event()

    def save():
        with Checkpoints(tmp_path / "checkpoints", keep=1) as checkpoints:
            for step in itertools.count(1):
                checkpoints.save(filled(small, step))
                if stop.is_set():
                    return

    with ThreadPoolExecutor(1) as pool:
        saving = pool.submit(save)
        steps = []
        while len(set(steps)) < 8:
            assert not saving.done()
            if (state := read_newest(tmp_path / "checkpoints", small)) is not None:
                steps.append(int(state.step))
        stop.set()
        saving.result()
    assert steps == sorted(steps)
    assert not [record for record in caplog.records if record.name.startswith("pix2pix_jax")]


def test_runs_of_version_0_1_can_still_be_read():
    folder = ROOT / "tests" / "runs" / "run_of_0.1"  # its arrays are filled with 1/1024, 2/1024, …, in the tree's order
    trained = load_trained(folder)
    assert (trained.config.name, trained.config.image_size, trained.config.data.root) == ("ycrcb_rgb", 32, "photos")
    restored = read_newest(folder / "checkpoints", abstract_state("ycrcb_rgb"))
    leaves = jax.tree.leaves(restored)
    assert len(leaves) > 100
    numbers = [float(leaf.ravel()[0]) * 1024 for leaf in leaves if leaf.dtype == np.float32]
    assert numbers == sorted(set(numbers))
    assert max(numbers) <= len(leaves) + 3
    np.testing.assert_array_equal(
        trained.params["enc1"]["conv"]["kernel"], restored.generator.params["enc1"]["conv"]["kernel"]
    )


def test_folders_that_are_not_named_as_a_step_is_are_passed_over(tmp_path, small):
    for name in ("5", "007", "٣", "7.tmp"):
        (tmp_path / name).mkdir()
    assert steps(tmp_path) == [5]
    with pytest.raises(UserError, match="5 cannot be read"):
        read_newest(tmp_path, small)
