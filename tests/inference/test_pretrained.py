import numpy as np
import pytest
from helpers import load_config
from skimage import data

from pix2pix_jax.evaluation import PHOTOGRAPH_MEASURES, average, gray_images, measure_each
from pix2pix_jax.inference.trained import PRETRAINED, load_trained


@pytest.mark.parametrize(("name", "most"), [("pretrained", 16e6), ("reference", 2e6)])
def test_generators_in_the_package_are_small_and_of_known_experiments(name, most):
    assert PRETRAINED[name].stat().st_size < most
    trained = load_trained(name)
    assert trained.config.task == load_config(trained.config.name).task
    assert trained.config.generator.network == {"pretrained": "efficientnet", "reference": "reference"}[name]
    assert trained.config.data.root == ""  # nothing of the machine that made it
    assert (PRETRAINED[name].parent / "README.md").is_file()


def test_the_one_that_colours_is_the_pretrained_one():
    assert load_trained().config == load_trained("pretrained").config


@pytest.mark.parametrize("name", PRETRAINED)
def test_generators_in_the_package_beat_grey_on_photographs_they_never_saw(name):
    """Skin and fur, which it has learnt from other photographs."""
    photographs = [data.astronaut()[:256, 64:320], data.chelsea()[:256, 100:356]]
    images = np.stack([image[::2, ::2] for image in photographs])
    made = (load_trained(name).colorize(images), gray_images(images), images)
    merits, gray, truth = (average(measure_each(each, images, PHOTOGRAPH_MEASURES)) for each in made)
    assert merits["ciede2000"] < gray["ciede2000"]
    assert merits["psnr"] > gray["psnr"]
    assert merits["colorfulness"] > 0.3 * truth["colorfulness"]
