"""`translate`: images of any size, kind and depth through small networks."""

import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import tifffile
from helpers import smooth_images
from PIL import Image
from translators import translator

from pix2pix_jax import inference
from pix2pix_jax.config import default_config
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import generate, inputs, translating
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.translating import translate
from pix2pix_jax.photos import read_pixels

PHOTO = smooth_images(1, 40, seed=5)[0, :30]


@functools.cache
def make(channels_in: int = 3, channels_out: int = 3, test_time: str = "running", **changes: Any) -> TrainedGenerator:
    """A small generator, which compiles once for all tests; `data__root` stands for `data.root`."""
    values = {"task.input_channels": channels_in, "task.output_channels": channels_out, "test_time": test_time}
    return translator(values | {key.replace("__", "."): value for key, value in changes.items()})


def as_made(generator: TrainedGenerator, condition: np.ndarray) -> np.ndarray:
    """What a generator makes of uint8 [H, W, channels] of a size that it takes, by the network alone."""
    made = generate.make(generator.config, generator.weights, condition[None].astype(np.float32) / 127.5 - 1.0)[0]
    return (made + 1.0) / 2.0


def test_a_size_that_the_network_takes_goes_through_as_it_is():
    image = PHOTO[:24, :32]
    made = translate(image, make())
    assert (made.shape, made.dtype) == ((24, 32, 3), np.uint8)
    np.testing.assert_allclose(made / 255, as_made(make(), image), atol=0.51 / 255)
    assert np.ptp(made.astype(int)) > 30


@pytest.mark.parametrize("shape", [(30, 37), (1, 1), (1, 50)])
def test_other_sizes_are_continued_by_reflection_and_cut_back(shape):
    image = np.resize(PHOTO, (*shape, 3))
    height, width = (-(-side // 32) * 32 for side in shape)
    padded = np.pad(image, [(0, height - shape[0]), (0, width - shape[1]), (0, 0)], "reflect")
    wanted = as_made(make(), padded)[: shape[0], : shape[1]]
    np.testing.assert_allclose(translate(image, make()) / 255, wanted, atol=0.51 / 255)


def test_a_network_with_a_smallest_size():
    generator = make(generator__network="resnet", generator__blocks=1)
    assert translate(PHOTO[:3, :5], generator).shape == (3, 5, 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_arrays_keep_their_depth(dtype):
    white = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1.0
    image = (PHOTO / 255 * white).astype(dtype)
    before = image.copy()
    made = translate(image, make(channels_out=2))
    np.testing.assert_array_equal(image, before)
    assert (made.shape, made.dtype) == ((30, 40, 2), np.float32 if white == 1.0 else dtype)
    eight = translate(PHOTO, make(channels_out=2))
    assert np.abs(made / white - eight / 255).max() < 1.1 / 255


@pytest.mark.parametrize(("channels_out", "mode"), [(1, "L"), (3, "RGB")])
def test_paths_and_pillow_images_give_pillow_images(tmp_path, channels_out, mode):
    Image.fromarray(PHOTO).save(tmp_path / "a.png")
    generator = make(channels_out=channels_out)
    wanted = translate(PHOTO, generator)
    for given in (tmp_path / "a.png", str(tmp_path / "a.png"), Image.fromarray(PHOTO)):
        made = translate(given, generator)
        assert isinstance(made, Image.Image)
        assert (made.mode, made.size) == (mode, (40, 30))
        np.testing.assert_array_equal(np.asarray(made).reshape(wanted.shape), wanted)


def test_what_pillow_has_no_image_for_becomes_an_array(tmp_path):
    np.save(tmp_path / "deep.npy", deep := PHOTO[..., 0].astype(np.uint16) * 257)
    made = translate(tmp_path / "deep.npy", make(1, 1))
    assert (made.shape, made.dtype) == ((30, 40, 1), np.uint16)
    np.testing.assert_array_equal(made, translate(deep, make(1, 1)))


def test_several_images_are_one_input(tmp_path):
    gray = PHOTO[..., 0]
    Image.fromarray(gray).save(tmp_path / "gray.png")
    joined = np.dstack([PHOTO, gray])
    made = translate([Image.fromarray(PHOTO), tmp_path / "gray.png"], make(4))
    np.testing.assert_array_equal(np.asarray(made), translate(joined, make(4)))
    deep = translate((PHOTO, gray.astype(np.uint16) * 257), make(4))
    assert deep.dtype == np.uint16
    np.testing.assert_allclose(deep / 65535, translate(joined / 255.0, make(4)), atol=1e-4)


def test_the_split_that_was_trained_on_is_kept():
    gray, config = Image.fromarray(PHOTO[..., 0]), make(4, task__input_split="3+1").config
    for first in (PHOTO, gray):  # a grey image in the place of a coloured one
        for second in (Image.fromarray(PHOTO), gray):
            condition = inputs.condition_of([first, second], config)
            assert condition.shape == (30, 40, 4)
            wanted = PHOTO if first is PHOTO else PHOTO[..., :1].repeat(3, 2)
            np.testing.assert_array_equal(condition[..., :3], wanted)


@pytest.mark.parametrize("tile", [None, 16])
def test_what_is_made_has_the_depth_of_what_was_trained_on(tmp_path, tile):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    wanted = translate(PHOTO / 255.0, make(3, 1), tile=tile)
    depth = make(3, 1, task__output_depth="float32", data__float_max=10.0)
    for image in (PHOTO, tmp_path / "photo.png"):
        made = translate(image, depth, tile=tile)
        assert made.dtype == np.float32
        units = 1.0 if image is PHOTO else 10.0
        np.testing.assert_allclose(made, units * wanted, atol=1e-4)
    back = make(1, 3, task__output_depth="uint8")
    assert translate(wanted, back, tile=tile).dtype == np.uint8
    assert translating.translated_name(Path("a.npy"), wanted, back.config) == Path("a.png")


def test_floating_point_of_files_is_in_the_range_of_the_data(tmp_path):
    values = (PHOTO[..., 0] / 255.0 * 20.0 - 10.0).astype(np.float32)
    np.save(tmp_path / "a.npy", values)
    tifffile.imwrite(tmp_path / "a.tif", values)
    generator = make(1, 1, data__float_min=-10.0, data__float_max=10.0)
    wanted = translate((values + 10.0) / 20.0, generator) * 20.0 - 10.0
    for name in ("a.npy", "a.tif"):
        made = translate(tmp_path / name, generator)
        assert made.dtype == np.float32
        np.testing.assert_allclose(made, wanted, atol=1e-3)
    with pytest.raises(UserError, match=r"a\.tif holds -8\.9\d* to 10, and the generator was trained on 0 to 1 "):
        translate(tmp_path / "a.tif", make(1, 1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_what_is_written_is_read_again(tmp_path, dtype, channels):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    pixels = (np.random.default_rng(0).random((9, 7, channels)) * white).astype(dtype)
    config = make(3, channels).config
    target = tmp_path / translating.translated_name(Path("a"), pixels, config)
    in_png = dtype != np.float32 and (channels == 1 or (dtype == np.uint8 and channels in (3, 4)))
    assert target.name == ("a.png" if in_png else "a.tif")
    translating.write_translated(pixels, target, config)
    read = np.asarray(read_pixels(target)).reshape(pixels.shape)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read, pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_each_image_and_tile_draws_a_mask_of_its_own(dtype):
    """Between two almost equal images, one mask would leave almost no difference."""
    white = 255 if dtype == np.uint8 else 1
    image = (PHOTO[:24, :32] / 255 * white).astype(dtype)
    other = image.copy()
    other[0, 0, 0] = white - other[0, 0, 0]
    differences = []
    for test_time in ("running", "running+dropout"):
        one, two = make(test_time=test_time).translate(np.stack([image, other]))
        differences.append(np.abs(one - two)[16:, 16:].mean())
    assert differences[1] > 10 * differences[0] + 1e-4
    alone = make(test_time="running+dropout").translate(other[None])[0]
    np.testing.assert_array_equal(alone, two)  # whatever else is translated


@pytest.mark.parametrize("test_time", ["running", "running+dropout", "batch", "batch+dropout"])
def test_the_seed_matters_with_dropout_alone(test_time):
    first, again, other = (translate(PHOTO, make(test_time=test_time), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == ("dropout" not in test_time)


def test_statistics_of_the_batch_are_those_of_the_image_alone():
    generator, images = make(test_time="batch"), np.stack([PHOTO, 255 - PHOTO])
    alone = generator.translate(images[:1])
    np.testing.assert_array_equal(generator.translate(images)[:1], alone)
    assert not np.allclose(alone, make(test_time="running").translate(images[:1]), atol=0.05)


def test_tiles_of_a_network_that_sees_one_pixel_give_what_the_whole_gives():
    calls = []

    class Inverting(TrainedGenerator):
        """What it makes depends on no neighbours."""

        def translate(self, images, seed=0):
            calls.append(images.shape)
            return 1.0 - images.astype(np.float32) / 255.0

    image = np.random.default_rng(0).integers(0, 256, (75, 50, 3), np.uint8)
    made = translate(image, Inverting(make().config, {}, {}), tile=30)
    np.testing.assert_array_equal(made, 255 - image)
    assert len(calls) > 4
    assert set(calls) == {(1, 32, 32, 3)}


def test_what_does_not_fit_into_the_memory_names_the_flag(monkeypatch):
    def full(self, images, seed):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")

    monkeypatch.setattr(TrainedGenerator, "translate", full)
    with pytest.raises(UserError, match=r"40×30 does not fit into the memory: .* --tile 512"):
        translate(PHOTO, make())


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((2, 2, 5), np.uint8), "the generator takes 3 channels, got 1 image with 5 of 8 bits"),
        ([np.zeros((2, 2), np.uint8)] * 2, "the generator takes 3 channels, got 2 images with 1 of 8 bits and 1 of"),
        ([np.zeros((2, 2), np.uint8), np.zeros((3, 2), np.uint8)], "expected images of one size, got 2×2, 2×3"),
        (np.zeros(4, np.uint8), r"expected an image \[H, W\] or \[H, W, channels\], got \[4\]"),
        (np.zeros((2, 2, 3), np.int64), "expected uint8, uint16 or floating point, got int64"),
        (np.full((2, 2, 3), np.nan), r"expected floating point in \[0, 1\], got nan"),
    ],
)
def test_images_that_the_generator_does_not_take(image, message):
    with pytest.raises(ValueError, match=message):
        translate(image, make())


def test_what_cannot_be_used(tmp_path: Path):
    with pytest.raises(TypeError, match="got int"):
        translate(3, make())  # type: ignore[arg-type]
    with pytest.raises(UserError, match="whole numbers of 32 bits"):
        translate(Image.new("I", (2, 2)), make())
    Image.fromarray(PHOTO[..., 0].astype(np.uint16)).save(tmp_path / "deep.png")
    (tmp_path / "a.png").write_bytes(b"nothing")
    for name, message in (
        ("deep.png", "the generator takes 3 channels, got 1 image with 1 of 16 bits"),
        ("a.png", "cannot be read: not an image"),
        ("none.png", "cannot be read: "),
    ):
        with pytest.raises(UserError, match=rf"{name}:? {message}"):
            translate(tmp_path / name, make())


def test_generators_of_the_other_kind_are_refused():
    colouring = TrainedGenerator(default_config(), {}, {})
    with pytest.raises(UserError, match=r"this generator colours photographs .* use pix2pix-colorize"):
        translate(PHOTO, colouring)
    with pytest.raises(UserError, match=r"this generator translates images .* use pix2pix-translate"):
        inference.colorize(PHOTO, make())
