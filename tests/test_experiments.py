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
