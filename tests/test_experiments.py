import pytest
from conftest import EXPERIMENTS, load_config

from pix2pix_jax import experiments
from pix2pix_jax.errors import UserError


def test_the_five_of_the_reference():
    assert set(experiments.EXPERIMENTS) == set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_config_files_give_the_packages_experiments(name):
    assert load_config(name).to_dict() == experiments.experiment_config(name).to_dict()


@pytest.mark.parametrize(
    ("name", "makes", "sees", "gray", "l1_rgb", "l1_chroma"),
    [
        ("ycrcb_rgb", "chroma", "rgb", False, 25, 75),
        ("ycrcb_ycrcb", "chroma", "ycrcb", False, 25, 75),
        ("rgb_rgb_gray", "rgb", "rgb", True, 100, 0),
        ("rgb_rgb", "rgb", "rgb", False, 100, 0),
        ("ycrcb_l1", "chroma", "none", False, 25, 75),
    ],
)
def test_each_is_the_references(name, makes, sees, gray, l1_rgb, l1_chroma):
    task = experiments.experiment_config(name).task
    assert (task.generator_makes, task.discriminator_sees, task.discriminator_sees_gray) == (makes, sees, gray)
    assert (task.l1_rgb, task.l1_chroma) == (l1_rgb, l1_chroma)


def test_a_name_that_is_not_known_gets_the_nearest():
    with pytest.raises(UserError, match=r"no experiment ycrcb_rbg: did you mean ycrcb_rgb\?"):
        experiments.experiment_config("ycrcb_rbg")


def test_settings_are_read_by_the_type_of_their_key():
    config = experiments.experiment_config("rgb_rgb")
    settings = ["adam.linear_decay=true", "adam.learning_rate=1e-4", "image_size=64", "dtype=bfloat16"]
    experiments.apply_settings(config, [*settings, "seed=1", "seed=2"])
    assert (config.adam.linear_decay, config.adam.learning_rate) == (True, 1e-4)
    assert (config.image_size, config.dtype, config.seed) == (64, "bfloat16", 2)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("dtype", "--set dtype: wanted key=value"),
        ("adam.learning_rat=1", "--set adam.learning_rat=1: the key is not known, the nearest .* adam.learning_rate"),
        ("task.l1_rgb=1", "--set task.l1_rgb=1: task.l1_rgb is what the experiments differ in"),
        ("name=x", "--set name=x: name is what the experiments differ in"),
        ("adam.linear_decay=1", "--set adam.linear_decay=1: wanted True or False"),
        ("image_size=big", "--set image_size=big: wanted an integer"),
        ("adam.b1=", "--set adam.b1=: wanted a number"),
    ],
)
def test_settings_that_cannot_be_read(setting, message):
    with pytest.raises(UserError, match=message):
        experiments.apply_settings(experiments.experiment_config("rgb_rgb"), [setting])
