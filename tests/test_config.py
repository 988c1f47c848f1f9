import dataclasses
import json
import math
import re

import numpy as np
import pytest
from helpers import EXPERIMENTS, load_config

from pix2pix_jax import config as configuration
from pix2pix_jax.commands.config_dict import apply_settings, from_config_dict, to_config_dict
from pix2pix_jax.config import AdamConfig, default_config, experiment_config, leaves, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.state import build_model, linear_schedule


@pytest.mark.parametrize("name", [*EXPERIMENTS, "demo"])
def test_configs_are_valid_and_named_after_their_file(name):
    config = load_config(name)
    assert config.name == name
    configuration.validate(config, device_count=8)
    if name in EXPERIMENTS:  # with the reference's recipe
        assert config == experiment_config(name)
        assert (config.batch_size, config.num_epochs, config.image_size) == (512, 200, 96)
        assert config.adam == AdamConfig(learning_rate=2e-4, b1=0.5, b2=0.999, eps=1e-8, schedule="constant")


def test_names_that_are_not_known_get_the_nearest():
    with pytest.raises(UserError, match=r"no experiment ycrcb_rbg: .*\(did you mean ycrcb_rgb\?\)"):
        experiment_config("ycrcb_rbg")
    with pytest.raises(UserError, match=r"unknown config key data.rot \(did you mean data.root\?\)"):
        updated(default_config(), {"data.rot": "photos"})
    with pytest.raises(UserError, match=r"config.task.kind=translate .*colorization, lab_colorization, translation"):
        updated(default_config(), {"task.kind": "translate"})
    with pytest.raises(UserError, match=r"did you mean AtoB"):  # whatever the case
        configuration.check_values(updated(default_config(), {"data.direction": "atob"}))
    with pytest.raises(UserError, match=r"no experiment demo: choose one of [\w, ]+$"):  # none is near
        experiment_config("demo")
    with pytest.raises(UserError, match=r"unknown config key foo$"):
        apply_settings(default_config(), ["foo=3"])


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", 12, "config.batch_size=12 .* 8 devices: use a multiple of 8, such as 8"),
        ("image_size", 100, "config.image_size=100 .* multiple of 32; use 96 or 128"),
        ("dtype", "float16", "config.dtype=float16 .* float32, bfloat16"),
        ("task.generator_makes", "croma", "task.generator_makes=croma .*did you mean chroma"),
        ("data.resize", 90, "config.data.resize=90 is smaller than config.image_size=96.* use 112"),
        ("num_epochs", 0, "nothing to do"),
    ],
)
def test_values_that_cannot_work_are_named(key, value, message):
    config = updated(load_config("ycrcb_rgb"), {key: value})
    with pytest.raises(UserError, match=message) as caught:
        configuration.validate(config, device_count=8)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["ycrcb_rgb", "pix2pix", "lab_lab"])
def test_no_number_is_taken_that_cannot_work(name):
    """Every key that is a number has a range, which leaves out what is negative, huge or no number."""
    config = experiment_config(name)
    for key, default in leaves(config).items():
        if type(default) not in (int, float):
            continue
        may_be_negative = key in ("data.float_min", "data.float_max")
        for value in (math.nan, math.inf, -math.inf, 1e40, *(() if may_be_negative else (-1, -0.5))):
            if type(default) is int and not (math.isfinite(value) and value == int(value)):
                continue
            given = type(default)(value)
            with pytest.raises(UserError, match=rf"^config\.{key}={re.escape(str(given))} is out of range: use .* to "):
                configuration.validate(updated(config, {key: given}), device_count=1)


def test_no_value_of_another_type_is_taken():
    for key, default in leaves(default_config()).items():
        for value in (None, [1], "text" if type(default) is not str else 1, True if type(default) is not bool else 1):
            with pytest.raises(UserError, match=rf"^config\.{key}=.* is of type .* is wanted$"):
                updated(default_config(), {key: value})
    assert updated(default_config(), {"adam.learning_rate": 1}).adam.learning_rate == 1.0  # a whole number may stand


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 32, "batch_size": 1}, "config.batch_size=2 or more, or config.image_size=64"),
        ({"image_size": 32, "batch_size": 8, "sync_batch_norm": False}, "config.batch_size=16 or more"),
        ({"image_size": 16, "batch_size": 1, "task.discriminator_sees": "none"}, "or config.image_size=32"),
        ({"coloring_side": 15}, "config.coloring_side=15"),
        ({"coloring_side": 31, "generator.network": "efficientnet"}, "config.coloring_side=31"),
        (
            {"image_size": 16, "batch_size": 8, "task.discriminator_sees": "none", "test_time": "batch"},
            "config.test_time=batch leaves a batch norm a single value",
        ),
    ],
)
def test_a_batch_norm_over_a_single_value_is_refused(changes, message):
    with pytest.raises(UserError, match=f"single value.*{message}|{message}"):
        configuration.validate(updated(default_config(), changes), device_count=changes.get("batch_size", 1))


def test_a_config_survives_its_edge_and_its_file():
    config = load_config("rgb_rgb", data__root="photos", adam__schedule="linear")
    assert from_config_dict(to_config_dict(config)) == config
    assert updated(default_config(), leaves(json.loads(json.dumps(dataclasses.asdict(config))))) == config


@pytest.mark.parametrize(
    ("name", "given", "dropped"),
    [
        ("edges", {"generator.network": "resnet"}, {"generator.depth": 8}),
        ("edges", {"discriminator.network": "pixel"}, {"discriminator.layers": 3}),
        ("edges", {"generator.network": "reference"}, {"generator.depth": 8, "generator.width": 64}),
        ("facades", {"data.source": "blurred"}, {"data.direction": "AtoB"}),
        ("rgb_rgb", {"task.kind": "lab_colorization"}, {}),
        ("vivid", {"discriminator.network": "patchgan"}, {"objective.feature_matching": 0.0}),
        ("rgb_rgb_gray", {"task.discriminator_sees": "none"}, {"task.discriminator_sees_gray": False}),
    ],
)
def test_what_an_experiment_sets_for_something_exchanged_is_dropped(name, given, dropped):
    values = to_config_dict(experiment_config(name))
    values.update_from_flattened_dict(given)
    config = from_config_dict(values, given)
    configuration.validate(config, device_count=1)
    assert leaves(config).items() >= (given | dropped).items()
    if name == "edges":  # as the others do, by --set
        assert apply_settings(experiment_config(name), [f"{key}={value}" for key, value in given.items()]) == config


def test_resize_follows_the_size_of_the_crops_unless_given():
    preset = experiment_config("pix2pix")  # 286 and 256
    values = to_config_dict(preset)
    values.update_from_flattened_dict({"image_size": 128})
    assert updated(preset, {"image_size": 128}).data.resize == 143
    assert from_config_dict(values, {"image_size": 128}, 256).data.resize == 143
    assert apply_settings(preset, ["image_size=128"]).data.resize == 143
    values.update_from_flattened_dict({"data.resize": 200})
    assert from_config_dict(values, {"image_size": 128, "data.resize": 200}, 256).data.resize == 200
    assert apply_settings(preset, ["image_size=128", "data.resize=200"]).data.resize == 200
    old = dataclasses.asdict(updated(preset, {"image_size": 64, "data.resize": 286}))  # a run of an earlier version
    assert (configuration.stored(old).image_size, configuration.stored(old).data.resize) == (64, 286)


def test_what_a_config_file_sets_in_vain_is_refused():
    values = to_config_dict(updated(default_config(), {"generator.depth": 5}))  # of the reference's network
    with pytest.raises(UserError, match=r"generator.depth=5 is not read .*use unet, or leave it out"):
        configuration.validate(from_config_dict(values, {"seed": 1}), device_count=1)


@pytest.mark.parametrize(
    ("name", "key", "value", "because"),
    [
        ("edges", "saturation", 1.5, "task.kind"),
        ("edges", "average_mirrored", True, "task.kind"),
        ("facades", "coloring_side", 512, "task.kind"),
        ("vivid", "generator.encoder_weights", "random", "warm_start"),
        ("guided", "generator.encoder_rate", 0.2, "task.points"),
        ("guided", "generator.keep_averages", True, "task.points"),
    ],
)
def test_what_has_no_effect_beside_another_key_is_refused(name, key, value, because):
    with pytest.raises(UserError, match=f"{key}={value} is not read with config.{because}=.*leave it out"):
        configuration.validate(updated(experiment_config(name), {key: value}), device_count=1)
    configuration.validate(experiment_config(name), device_count=1)


def test_what_the_user_sets_is_not_dropped():
    values = to_config_dict(experiment_config("edges"))
    given = {"generator.network": "resnet", "generator.depth": 5}
    values.update_from_flattened_dict(given)
    with pytest.raises(UserError, match=r"generator.depth=5 is not read .*leave it out"):
        configuration.validate(from_config_dict(values, given), device_count=1)


@pytest.mark.parametrize(("linear", "schedule"), [(True, "linear"), (False, "constant")])
def test_a_key_that_has_gone_is_read_in_earlier_runs(linear, schedule):
    assert configuration.stored({"adam": {"linear_decay": linear}}).adam.schedule == schedule


def step_sizes(optimizer, count):
    """Adam's steps for a gradient that stays the same are as long as the learning rate."""
    state, sizes = optimizer.init(np.zeros(1)), []
    for _ in range(count):
        update, state = optimizer.update(np.ones(1), state)
        sizes.append(-float(update[0]))
    return sizes


@pytest.mark.parametrize(
    ("schedule", "changes", "sizes"),
    [
        ("constant", {"num_steps": 8}, [1, 1, 1, 1, 1, 1, 1, 1]),
        ("linear", {"num_steps": 8}, [1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2]),
        ("linear", {"num_epochs": 4}, [1, 1, 1, 1, 2 / 3, 2 / 3, 1 / 3, 1 / 3]),
        ("cosine", {"num_steps": 4}, [1, 0.853553, 0.5, 0.146447]),
        ("cosine", {"num_steps": 6, "adam__schedule_end": 4}, [1, 0.853553, 0.5, 0.146447, 0.146447, 0.146447]),
        ("cosine", {"num_steps": 6, "adam__schedule_start": 2}, [1, 1, 1, 0.853553, 0.5, 0.146447]),
        ("linear", {"num_epochs": 8, "adam__schedule_end": 4}, [1, 1, 2 / 3, 1 / 3, 1 / 3, 1 / 3]),
        ("cosine", {"num_steps": 4, "adam__schedule_start": 2, "adam__schedule_end": 6}, [1, 1, 1, 0.853553]),
    ],
)
def test_learning_rates(schedule, changes, sizes):
    config = load_config(
        "ycrcb_rgb", adam__schedule=schedule, adam__learning_rate=1.0, adam__discriminator_learning_rate=0.5, **changes
    )
    model = build_model(config, total_steps=len(sizes))
    np.testing.assert_allclose(step_sizes(model.generator_optimizer, len(sizes)), sizes, rtol=1e-4)
    half = [size / 2 for size in sizes]
    np.testing.assert_allclose(step_sizes(model.discriminator_optimizer, len(sizes)), half, rtol=1e-4)


def test_linear_ends_as_the_authors_code_does():
    schedule = linear_schedule(1.0, total_steps=2000, num_epochs=200)
    factors = [float(schedule(10 * epoch)) for epoch in range(200)]
    np.testing.assert_allclose(factors, [1 - max(0, epoch + 1 - 100) / 101 for epoch in range(200)], rtol=1e-5)


@pytest.mark.parametrize("split", ["3", "3+", "2+2", "4+0", "x"])
def test_a_split_that_is_not_the_input(split):
    config = updated(experiment_config("pix2pix"), {"task.input_split": split, "task.input_channels": 5})
    with pytest.raises(UserError, match=r"config.task.input_split=.* must say how the 5 channels"):
        configuration.validate(config, device_count=1)


def test_settings_are_read_by_the_type_of_their_key():
    config = experiment_config("rgb_rgb")
    settings = ["adam.schedule=linear", "adam.learning_rate=1e-4", "image_size=64", "dtype=bfloat16"]
    config = apply_settings(config, [*settings, "seed=1", "seed=2"])
    assert (config.adam.schedule, config.adam.learning_rate) == ("linear", 1e-4)
    assert (config.image_size, config.dtype, config.seed) == (64, "bfloat16", 2)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("dtype", "--set dtype: wanted key=value"),
        ("adam.learning_rat=1", "unknown config key adam.learning_rat .*mean adam.learning_rate"),
        ("task.l1_rgb=1", "--set task.l1_rgb=1: task.l1_rgb is what the experiments differ in"),
        ("name=x", "--set name=x: name is what the experiments differ in"),
        ("sync_batch_norm=1", "config.sync_batch_norm=1 is of type int, bool is wanted"),
        ("image_size=big", "config.image_size='big' is of type str, int is wanted"),
        ("adam.b1=", "config.adam.b1='' is of type str, float is wanted"),
    ],
)
def test_settings_that_cannot_be_read(setting, message):
    with pytest.raises(UserError, match=message):
        apply_settings(experiment_config("rgb_rgb"), [setting])


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"objective.gan": "hinge", "objective.real_label": 0.9}, "objective.real_label"),
        ({"objective.gradient_penalty": 1.0}, "objective.gradient_penalty"),
        ({"task.l1_chroma": 0.0, "task.colorful_emphasis": 1.0}, "task.colorful_emphasis"),
        ({"adam.schedule_end": 5}, "adam.schedule_end"),
        ({"task.kind": "translation", "data.aged": 0.5}, "data.aged"),
        ({"generator.depth": 5}, "generator.depth"),
        ({"objective.feature_matching": 1.0}, "objective.feature_matching"),
        ({"data.source": "bundled", "data.root": "photos"}, "data.root=photos .*use folder or pairs or"),
        ({"data.source": "folder", "data.split": "train"}, "data.split=train .*use stl10 or tfds,"),
        ({"task.kind": "translation", "data.source": "edges", "data.float_max": 2.0}, "data.float_max=2.0 .*use pairs"),
        ({"task.kind": "translation", "data.source": "pairs", "data.mask_share": 0.5}, "data.mask_share"),
        ({"task.discriminator_sees": "none", "task.discriminator_sees_gray": True}, "task.discriminator_sees_gray"),
        (
            {"task.kind": "translation", "task.adversarial": False, "task.discriminator_sees_condition": False},
            "task.discriminator_sees_condition",
        ),
    ],
)
def test_a_key_that_nothing_reads_is_refused(changes, key):
    with pytest.raises(UserError, match=rf"^config\.{key}"):
        configuration.validate(updated(default_config(), changes), device_count=1)
