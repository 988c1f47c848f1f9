import dataclasses
import json

import jax
import numpy as np
import pytest
from helpers import initial_state
from safetensors import safe_open
from safetensors.numpy import load_file, save
from translators import save_translator

from pix2pix_jax.color import rgb_to_ycrcb
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import TrainedGenerator, generate, load_trained, painting
from pix2pix_jax.runs.checkpoints import Checkpoints
from pix2pix_jax.state import build_model


@pytest.fixture(scope="module")
def trained() -> TrainedGenerator:
    return TrainedGenerator(default_config(), initial_state().generator.params, initial_state().averages)


def test_file_gives_the_generator_back_as_float16_kernels_keep_it(trained, tmp_path):
    trained.save(tmp_path / "g.safetensors")
    read = load_trained(tmp_path / "g.safetensors")
    assert read.config == trained.config
    for name, leaf in jax.tree_util.tree_leaves_with_path((trained.params, trained.averages)):
        other = dict(jax.tree_util.tree_leaves_with_path((read.params, read.averages)))[name]
        np.testing.assert_allclose(other, leaf, rtol=2**-11, atol=2**-24)
    assert (tmp_path / "g.safetensors").stat().st_size < 1.8e6
    assert [path.name for path in tmp_path.iterdir()] == ["g.safetensors"]


@pytest.mark.parametrize("average", [False, True])
def test_with_the_mean_of_both_a_mirrored_photograph_gets_the_mirrored_colours(average, trained):
    generator = dataclasses.replace(trained, config=dataclasses.replace(trained.config, average_mirrored=average))
    images = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), np.uint8)
    made, mirrored = generator.colorize(images), generator.colorize(images[:, :, ::-1])
    assert made.shape == images.shape
    assert np.allclose(made, mirrored[:, :, ::-1], atol=1e-5) == average


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"coloring_side": 40}, (32, 48)),  # a multiple of what the network takes
        ({"coloring_side": 96}, (96, 144)),
        ({"data.resize": 32}, (32, 48)),
        ({"data.resize": 96}, (64, 96)),  # crops of training photographs are smaller, and at the right scale
        ({"coloring_side": 40, "task.generator_makes": "rgb"}, (64, 96)),  # would lose its detail
    ],
)
def test_the_size_at_which_photographs_are_coloured(settings, seen):
    config = updated(default_config(), settings)
    state = build_model(config, 1).init(jax.random.key(0))
    generator = TrainedGenerator(config, state.generator.params, state.averages)
    luma = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)
    condition = luma[None, :, :, None] / np.float32(127.5) - 1
    resized = np.asarray(jax.image.resize(condition, (1, *seen, 1), "cubic")).clip(-1, 1)
    output = generate.make(generator.config, generator.weights, resized)
    output = jax.image.resize(output, (1, 64, 96, output.shape[3]), "linear")
    expected = rgb_to_ycrcb(output)[..., 1:] if output.shape[3] == 3 else output
    np.testing.assert_allclose(generator.make_chroma(luma), expected[0] / 2, atol=1e-5)


@pytest.mark.parametrize(
    ("files", "place", "message"),
    [
        ({}, "none", "there is no run or file"),
        ({}, "", "is no run's folder"),
        ({"config.json": json.dumps(dataclasses.asdict(default_config()))}, "", "has no checkpoint yet"),
        ({"config.json": '{"name": "de'}, "", "the config in .* is no JSON"),
        ({"g.safetensors": ""}, "g.safetensors", r"g\.safetensors cannot be read"),
        ({"g.safetensors": "not safetensors"}, "g.safetensors", r"g\.safetensors cannot be read"),
        ({"g.safetensors": "\x08\0\0\0\0\0\0\0{}      "}, "g.safetensors", r"g\.safetensors holds no generator"),
    ],
)
def test_where_there_is_no_generator(files, place, message, tmp_path):
    if "config.json" in files:
        (tmp_path / "checkpoints").mkdir()
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message):
        load_trained(tmp_path / place)


def lying(trained, tmp_path, change, **values):
    """A file of a generator, changed: its arrays by `change`, its config by `values`."""
    from safetensors import safe_open
    from safetensors.numpy import save_file

    trained.save(tmp_path / "g.safetensors")
    with safe_open(tmp_path / "g.safetensors", framework="numpy") as opened:
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        config = json.loads(opened.metadata()["config"])
    change(arrays)
    save_file(arrays, tmp_path / "g.safetensors", {"config": json.dumps(config | values)})
    return tmp_path / "g.safetensors"


BIAS = "params/dec4/conv/bias"
VARIANCE = "batch_stats/enc1/norm/var"


@pytest.mark.parametrize(
    ("name", "value"),
    [*((BIAS, value) for value in ([np.nan, 0], [0, np.inf], [], 0.0, [[0, 0]], [1e300, 0])), (VARIANCE, [-0.1] * 32)],
)
def test_weights_that_no_generator_has_are_refused_in_one_line(name, value, trained, tmp_path):
    path = lying(trained, tmp_path, lambda arrays: arrays.update({name: np.array(value)}))
    with pytest.raises(UserError, match=name) as raised:
        load_trained(path)
    assert "g.safetensors" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "values",
    [
        {"from_the_future": 1},
        {"saturation": float("nan")},
        {"coloring_side": -5},
        {"test_time": "twice"},
        {"generator": {"network": "unet", "depth": 10**6}},
        {"generator": {"network": "unet", "width": 0}},
        {"generator": None},
        {"task": {"kind": "translation", "input_channels": 4, "input_split": "one"}},
        {"task": {"kind": "translation", "input_channels": 2}, "generator": {"network": "efficientnet"}},
        {"dtype": "int3"},
    ],
)
def test_a_config_that_lies_is_refused_in_one_line(values, trained, tmp_path):
    path = lying(trained, tmp_path, lambda arrays: None, **values)
    with pytest.raises(UserError, match=r"g\.safetensors") as raised:
        load_trained(path)
    assert "\n" not in str(raised.value)


def test_kernels_beyond_float16_are_kept(trained, tmp_path):
    params = jax.tree.map(lambda leaf: np.full_like(leaf, 1e6), trained.params)
    dataclasses.replace(trained, params=params).save(tmp_path / "g.safetensors")
    assert float(load_trained(tmp_path / "g.safetensors").params["enc1"]["conv"]["kernel"].max()) == 1e6


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with checkpoints after 2, 4 and 6 steps, the second of which was the best."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.json").write_text(json.dumps(dataclasses.asdict(default_config())))
    with Checkpoints(folder / "checkpoints", keep=3) as checkpoints:
        for step in (2, 4, 6):
            params = jax.tree.map(lambda leaf, step=step: np.full_like(leaf, step), initial_state().generator.params)
            generator = initial_state().generator.replace(params=params)
            state = jax.device_get(initial_state().replace(step=np.int32(step), generator=generator))
            checkpoints.save(state)
    return folder


def records(run, figure):
    lines = [{"step": step, figure: value} for step, value in ((1, 1.0), (2, 9.0), (4, 7.5), (6, 8.0))]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*lines, {"step": 6, "d_loss": 1}]))


@pytest.mark.parametrize(("step", "taken"), [(None, 6), (2, 2), (6, 6), ("best", 4)])
@pytest.mark.parametrize("figure", ["eval/ciede2000", "eval/l1"])
def test_a_step_of_a_run(run, step, taken, figure):
    records(run, figure)
    assert float(jax.tree.leaves(load_trained(run, step).params)[0].flat[0]) == taken


def test_a_step_that_is_not_there(run, trained, tmp_path):
    with pytest.raises(UserError, match="has no checkpoint 3: it has 2, 4, 6"):
        load_trained(run, 3)
    (run / "metrics.jsonl").unlink(missing_ok=True)
    with pytest.raises(UserError, match="was evaluated on held-out images: give one of the steps 2, 4, 6"):
        load_trained(run, "best")
    trained.save(tmp_path / "g.safetensors")
    with pytest.raises(UserError, match="step 2 is one of a run"):
        load_trained(tmp_path / "g.safetensors", 2)


@pytest.mark.parametrize("settings", [{"coloring_side": 5}, {"data.resize": 1}])
def test_a_side_below_what_the_network_takes_colours_at_the_least(settings, trained):
    generator = dataclasses.replace(trained, config=updated(trained.config, settings))
    assert painting.make_chroma(generator, np.full((24, 40), 90, np.uint8)).shape == (16, 27, 2)


@pytest.mark.parametrize("name", ["params", "params/enc1/conv/kernel/more", "params/enc1", "params/\n\x1b[31m", "z"])
def test_a_name_that_is_another_s_beginning_or_stray_is_refused(name, generator_file, tmp_path):
    arrays = load_file(generator_file) | {name: np.ones(1, np.complex64 if name == "z" else np.float32)}
    (tmp_path / "g.safetensors").write_bytes(save(arrays, safe_open(generator_file, "numpy").metadata()))
    with pytest.raises(UserError, match=r"g\.safetensors"):
        load_trained(tmp_path / "g.safetensors")


def test_a_deep_network_is_checked_without_an_image_of_its_size(tmp_path):
    file = save_translator(tmp_path / "g.safetensors", {"generator.depth": 9, "image_size": 512})
    assert load_trained(file).network.size_multiple == 512  # and an image of 512² × 512² would take 275 GB
