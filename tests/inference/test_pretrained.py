import numpy as np
import pytest
from helpers import load_config
from PIL import Image, ImageOps
from skimage import data

from pix2pix_jax import Point, colorize
from pix2pix_jax.color import LUMA_WEIGHTS, RGB_TO_YCRCB
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


def chroma_around(image: np.ndarray, row: int, column: int) -> np.ndarray:
    """Mean Cr and Cb around a place, in [-0.5, 0.5]."""
    around = image[row - 3 : row + 4, column - 3 : column + 4] / 255.0
    return RGB_TO_YCRCB[1:] @ around.mean((0, 1))


@pytest.mark.parametrize("color", ["#7b2d26", "royalblue", "gray", "olive"])
def test_a_point_gets_the_colour_that_is_asked_for(color):
    photo = Image.fromarray(data.astronaut())  # at this place a collar, of middling luma
    asked = Point(150, 300, color, radius=8).chroma
    automatic, made = (np.asarray(colorize(photo, points=points)) for points in ([], [Point(150, 300, color, 8)]))
    before, after = (np.abs(chroma_around(image, 300, 150) - asked).max() for image in (automatic, made))
    assert after < 0.04
    assert after < before or before < 0.02
    assert np.abs(made.astype(int) - automatic).max() > 10
    np.testing.assert_allclose(made @ LUMA_WEIGHTS, automatic @ LUMA_WEIGHTS, atol=1.5)


def test_points_follow_the_photograph_whatever_its_size_and_mirror_with_it():
    photo = Image.fromarray(data.astronaut()).convert("L")
    large = photo.resize((1024, 1024), Image.Resampling.BICUBIC)
    shares = [Point(0.3, 0.6, "#7b2d26", 0.02)]
    small, big = (np.asarray(colorize(each, points=shares)) for each in (photo, large))
    assert np.abs(chroma_around(small, 307, 154) - chroma_around(big, 614, 307)).max() < 0.03
    mirrored = np.asarray(colorize(ImageOps.mirror(photo), points=[Point(0.7, 0.6, "#7b2d26", 0.02)]))
    assert np.abs(small.astype(int) - mirrored[:, ::-1]).mean() < 2


def test_points_hold_in_long_photographs_and_in_arrays():
    long = np.resize(data.astronaut(), (200, 700, 3))
    for x in (30, 350, 660):
        made = colorize(long, points=[Point(x, 100, "teal", 10)])
        assert np.abs(chroma_around(made, 100, x) - Point(0, 0, "teal").chroma).max() < 0.08, x


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
