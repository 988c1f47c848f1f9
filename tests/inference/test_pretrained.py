import numpy as np
from helpers import load_config
from skimage import data

from pix2pix_jax.evaluation import measures
from pix2pix_jax.inference.trained import PRETRAINED, load_trained


def test_generator_in_the_package_is_small_and_of_a_known_experiment():
    assert PRETRAINED.stat().st_size < 2e6
    trained = load_trained()
    assert trained.config.task == load_config(trained.config.name).task
    assert (PRETRAINED.parent / "README.md").is_file()


def test_generator_in_the_package_beats_grey_on_photographs_it_never_saw():
    """Skin and fur, which it has learnt from other photographs."""
    photographs = [data.astronaut()[:256, 64:320], data.chelsea()[:256, 100:356]]
    images = np.stack([image[::2, ::2][:112, :112] for image in photographs])
    merits = measures.evaluate_images(load_trained().colorize(images), images)
    gray = measures.gray_baseline(images)
    assert merits["ciede2000"] < gray["ciede2000"]
    assert merits["psnr"] > gray["psnr"]
    assert merits["colorfulness"] > 0.3 * measures.mean_colorfulness(images)
