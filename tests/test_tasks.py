import jax.numpy as jnp
import numpy as np
import pytest
from helpers import EXPERIMENTS, load_config, smooth_images

from pix2pix_jax import color, losses
from pix2pix_jax.tasks import ColorizationTask, LabColorizationTask, TranslationTask, photo_from_rgb, saturated

# The reference's table: channels G makes, what D sees, channels D sees (0: no D), weights of L1 in RGB and in CrCb.
TABLE = {
    "ycrcb_rgb": (2, "rgb", 3, 25, 75),
    "ycrcb_ycrcb": (2, "ycrcb", 3, 25, 75),
    "rgb_rgb_gray": (3, "rgb", 4, 100, 0),
    "rgb_rgb": (3, "rgb", 3, 100, 0),
    "ycrcb_l1": (2, "none", 0, 25, 75),
}


@pytest.fixture(scope="module")
def truth():
    return photo_from_rgb(color.from_pixels(jnp.asarray(smooth_images(2, 32))))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_are_the_references(name, truth):
    task = load_config(name).task
    made, space, seen, l1_rgb, l1_chroma = TABLE[name]
    assert task.generator_channels == made
    assert task.discriminator_sees == space
    assert task.adversarial == (seen > 0)
    assert (task.l1_rgb, task.l1_chroma) == (l1_rgb, l1_chroma)
    if task.adversarial:
        wanted = [truth.rgb if space == "rgb" else truth.ycrcb, *([truth.luma] if seen == 4 else [])]
        np.testing.assert_array_equal(task.discriminator_input(truth, truth.luma), jnp.concatenate(wanted, -1))
    perfect = task.image(truth.luma, truth.chroma if made == 2 else truth.rgb)
    np.testing.assert_allclose(perfect.rgb, truth.rgb, atol=1e-6)
    np.testing.assert_allclose(perfect.ycrcb, truth.ycrcb, atol=1e-6)


def test_made_chroma_keeps_the_given_luma(truth):
    made = ColorizationTask().photo(truth.luma, jnp.full_like(truth.chroma, 0.9))
    np.testing.assert_array_equal(made.luma, truth.luma)
    np.testing.assert_allclose(color.rgb_to_ycrcb(made.rgb), made.ycrcb, atol=1e-6)
    assert float(jnp.abs(made.rgb).max()) > 1.0  # out of gamut, and left so for the losses


def test_terms_beside_l1_are_there_where_they_have_a_weight(truth):
    made = saturated(truth, 0.5)
    task = ColorizationTask(discriminator_sees="none", colorful_emphasis=1.0, nearer_to_gray=16.0)
    terms = task.reconstruction_terms(made, truth)
    weights = {name: weight for name, (weight, _) in terms.items()}
    assert weights == {"g_l1_rgb": 25.0, "g_l1_chroma": 75.0, "g_nearer_to_gray": 16.0}
    assert terms["g_l1_chroma"][1] == losses.l1_of_chroma(made.chroma, truth.chroma, 1.0)
    assert terms["g_nearer_to_gray"][1] == losses.share_nearer_to_gray(made.rgb, truth.rgb, truth.luma)
    assert ColorizationTask().reconstruction_terms(made, truth).keys() == {"g_l1_rgb", "g_l1_chroma"}


def test_lab_gives_l_and_shows_lab_or_its_colours_to_the_discriminator():
    images = smooth_images(2, 16)
    task = LabColorizationTask()
    lightness, lab = task.example(jnp.asarray(images))
    assert (lightness.shape, lab.shape) == ((2, 16, 16, 1), (2, 16, 16, 3))
    np.testing.assert_array_equal(task.image(lightness, lab[..., 1:]), lab)
    np.testing.assert_array_equal(task.discriminator_input(lab, lightness), lab)
    alone = LabColorizationTask(discriminator_sees_gray=False)
    np.testing.assert_array_equal(alone.discriminator_input(lab, lightness), lab[..., 1:])
    ((weight, distance),) = task.reconstruction_terms(lab + jnp.array([9.0, 0.5, 0.25]), lab).values()
    assert (weight, float(distance)) == (100.0, pytest.approx(0.375))


def test_a_grey_photograph_stays_grey_in_lab():
    luma = jnp.linspace(-1, 1, 64).reshape(1, 8, 8, 1)
    photo = LabColorizationTask().photo(luma, jnp.zeros((1, 8, 8, 2)))
    np.testing.assert_allclose(photo.rgb, np.repeat(luma, 3, -1), atol=2e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_translation_takes_pairs_apart(dtype):
    units = np.random.default_rng(0).random((2, 4, 4, 3))
    scale = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pair = (units * scale).astype(dtype)
    task = TranslationTask(input_channels=2, output_channels=1)
    condition, truth = task.example(jnp.asarray(pair))
    np.testing.assert_allclose(condition, 2 * (pair[..., :2] / scale) - 1, atol=1e-6)
    np.testing.assert_allclose(truth, 2 * (pair[..., 2:] / scale) - 1, atol=1e-6)
    np.testing.assert_array_equal(task.discriminator_input(truth, condition), np.concatenate([condition, truth], -1))
    alone = TranslationTask(input_channels=2, output_channels=1, discriminator_sees_condition=False)
    np.testing.assert_array_equal(alone.discriminator_input(truth, condition), truth)
    assert task.reconstruction_terms(truth + 0.5, truth)["g_l1"][0] == 100.0
