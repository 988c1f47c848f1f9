"""From what a generator is given to what it makes: a generator with its running averages, as pure functions.

Each takes the generator's config and weights, what it is given, and the key that dropout draws from, where the config's
`test_time` keeps it.
"""

from typing import cast

import jax
import jax.numpy as jnp

from pix2pix_jax import color
from pix2pix_jax.config import Config
from pix2pix_jax.errors import UserError
from pix2pix_jax.state import Weights, build_generator
from pix2pix_jax.tasks import AnyTask, Photo, TranslationTask, photo_from_rgb, saturated


def make(config: Config, weights: Weights, condition: jax.Array, key: jax.Array | None = None) -> jax.Array:
    """Runs the generator as its config's `test_time` says; every image is generated here.

    Takes the condition, with or without a map of points where the generator takes any, and gives what it makes, float32
    [batch, height, width, channels] in [-1, 1].
    """
    missing = config.task.condition_channels - condition.shape[-1]
    if missing and config.generator.network != "efficientnet":  # which has a way without points
        condition = jnp.pad(condition, ((0, 0), (0, 0), (0, 0), (0, missing)))
    statistics, _, dropout = config.test_time.partition("+")
    variables = {"params": weights.params, "batch_stats": weights.averages}
    rngs = {"dropout": jax.random.key(0) if key is None else key} if dropout else None
    return cast(jax.Array, build_generator(config).apply(variables, condition, train=statistics == "batch", rngs=rngs))


def colorize(
    config: Config, weights: Weights, images: jax.Array, key: jax.Array | None = None, points: jax.Array | None = None
) -> jax.Array:
    """Colours photographs, of which only the luma is looked at.

    Takes them as uint8 RGB [batch, height, width, 3], and points as `color_luma` does; gives RGB float32 [batch,
    height, width, 3] in [0, 1], clipped.
    """
    luma = photo_from_rgb(color.from_pixels(images)).luma
    return color.to_unit(color_luma(config, weights, luma, _own_key(key, images), points).rgb)


def make_chroma(
    config: Config, weights: Weights, luma: jax.Array, key: jax.Array | None = None, points: jax.Array | None = None
) -> jax.Array:
    """Makes the colour alone, for those who join it with a luma of their own; see `color_luma`.

    Takes luma, uint8 [batch, height, width], and points as `color_luma` does; gives Cr and Cb, float32 [batch, height,
    width, 2] in [-0.5, 0.5], for some lumas outside the gamut.
    """
    return color_luma(config, weights, color.from_pixels(luma)[..., None], _own_key(key, luma), points).chroma / 2.0


def color_luma(
    config: Config, weights: Weights, luma: jax.Array, key: jax.Array | None = None, points: jax.Array | None = None
) -> Photo:
    """Colours grey photographs at the size that the generator knows: the one way from luma to colour.

    Takes luma, float32 [batch, height, width, 1] in [-1, 1]; and points of colour as `points.point_map` draws them,
    float32 [batch, height, width, 3], or None without any. Gives photos of that height and width, whose RGB may lie
    outside the gamut. Raises UserError if the generator translates.
    """
    if isinstance(config.task, TranslationTask):
        raise UserError("this generator translates images and colours no photographs: use pix2pix-translate")
    condition = config.task.condition_of_luma(luma)
    count, *size = luma.shape[:3]
    seen = _seen_size(config, *size)
    if seen != size:
        condition = jnp.clip(jax.image.resize(condition, (count, *seen, 1), "cubic"), -1.0, 1.0)
        points = None if points is None else jax.image.resize(points, (count, *seen, 3), "nearest")
    if points is not None:
        # The generated chroma becomes that much stronger; that of points must not.
        points /= jnp.array([1.0, config.saturation, config.saturation])
        condition = jnp.concatenate([condition, points], -1)
    if config.average_mirrored:
        both = make(config, weights, jnp.concatenate([condition, condition[:, :, ::-1]]), key)
        output = (both[:count] + both[count:, :, ::-1]) / 2.0
    else:
        output = make(config, weights, condition, key)
    if seen != size:
        output = jax.image.resize(output, (count, *size, output.shape[3]), "linear")
    photo = config.task.photo(luma, output)
    return photo if config.saturation == 1.0 else saturated(photo, config.saturation)


def _seen_size(config: Config, height: int, width: int) -> list[int]:
    """The size at which the generator colours a photograph of that height and width."""
    multiple = build_generator(config).size_multiple
    side = (config.coloring_side or config.data.resize) // multiple * multiple
    # RGB would lose its detail. In an export, which has no side, sizes cannot be compared.
    if not side or config.task.generator_channels != 2:
        return [height, width]
    shorter = min(height, width)
    if shorter < side and not config.coloring_side:
        return [height, width]
    return [multiple * round(length * side / shorter / multiple) for length in (height, width)]


def translation_task(task: AnyTask) -> TranslationTask:
    """The task of a generator that translates; raises UserError if it colours."""
    if not isinstance(task, TranslationTask):
        raise UserError(
            f"this generator colours photographs (task {task.kind}) and translates no images: use pix2pix-colorize, or"
            " colorize() in Python"
        )
    return task


def translate(config: Config, weights: Weights, images: jax.Array, key: jax.Array | None = None) -> jax.Array:
    """Translates images.

    Takes conditions, [batch, height, width, channels], uint8, uint16, or float32 in [0, 1], of which further channels,
    such as the truth's of pairs, are not looked at; gives float32 [batch, height, width, output channels] in [0, 1].
    Raises UserError if the generator colours.
    """
    given = images[..., : translation_task(config.task).input_channels]
    return (make(config, weights, color.from_pixels(given), _own_key(key, given)) + 1.0) / 2.0


def _own_key(key: jax.Array | None, images: jax.Array) -> jax.Array:
    """Dropout's key for some images: it follows from them too, so each draws its own mask, whatever its place is."""
    if images.dtype == jnp.float32:
        images = jax.lax.bitcast_convert_type(images, jnp.uint32)
    return jax.random.fold_in(jax.random.key(0) if key is None else key, jnp.sum(images, dtype=jnp.uint32))
