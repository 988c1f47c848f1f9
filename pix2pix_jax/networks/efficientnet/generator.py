"""A generator that begins with an encoder which knows what things are: EfficientNet-Lite, trained on ImageNet."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import lax

from pix2pix_jax.networks.config import GeneratorConfig
from pix2pix_jax.networks.efficientnet.encoder import Encoder, size_seen
from pix2pix_jax.networks.efficientnet.guide import Attention, along_luma, at_points
from pix2pix_jax.networks.layers import BatchNorm, Block, Conv, check_divisible

_STRIDES = (2, 4, 8, 16, 32)
_EARLY = 4  # up to this stride are edges and textures, which are the same here: they stay, and make half of the work
_ATTENDED = 8  # the stride at which all places look at all points


class EfficientNetUNet(nn.Module):
    """U-Net whose way down is an `Encoder`. Its way up ends at half the size, and is enlarged from there.

    The way up adds the encoder's features to its own, as feature pyramid networks do (Lin et al., 2017). The level of
    stride s has `width` · min(s / 2, 8) channels. Images whose shorter side is less than 128 are enlarged to that
    first, since the encoder has learned from photographs of 224×224.

    Where points of colour are given, a second way up (`Guide`) makes the image. It alone learns then; an image without
    any is made by the first, which stays as it was.

    Attributes:
        config: the variant of the encoder, the width of the way up at stride 2, and whether all of the encoder stays as
            it is in training, rather than what makes strides 2 and 4 alone.
        out_channels, dtype, axis_name: as for `ReferenceGenerator`.
    """

    config: GeneratorConfig
    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    size_multiple = smallest_size = _STRIDES[-1]

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool = False) -> jax.Array:
        """Makes an image.

        Args:
            condition: what is given, float [batch, height, width, 1 or 3] in [-1, 1]; height and width divisible
                by 32. Or 4 channels: luma, and a map of points as `Guide` takes it.
            train: as for `ReferenceGenerator`, of the norms of the way up that learns.

        Returns:
            float32 [batch, height, width, out_channels] in [-1, 1].

        Raises:
            ValueError: if height or width is not divisible by 32, or there is another number of channels.
        """
        check_divisible(condition, self.size_multiple, "generator")
        batch, height, width, channels = condition.shape
        if channels not in (1, 3, 4):
            raise ValueError(f"the encoder sees grey or RGB images: 1 or 3 channels, or 4 with points, got {channels}")
        guided = channels == 4
        image, points = (condition[..., :1], condition[..., 1:]) if guided else (condition, None)
        if (seen := size_seen(height, width)) != (height, width):
            image = jax.image.resize(image, (batch, *seen, image.shape[3]), "cubic")
            points = None if points is None else jax.image.resize(points, (batch, *seen, 3), "nearest")
        frozen_to = _STRIDES[-1] if self.config.encoder_rate == 0.0 else _EARLY
        encoder = Encoder(self.config.variant, self.dtype, frozen_to, name="encoder")
        features = encoder(jnp.broadcast_to(image, (*image.shape[:3], 3)))
        made, _ = way_up(self, features, train=train and not guided and not self.config.keep_averages)
        if points is not None:
            features, made = lax.stop_gradient((features, made))
            self.sow("intermediates", "without_points", (features, made))
            guide = Guide(self.config, self.out_channels, self.dtype, self.axis_name, name="guide")
            made = guide(features, made, points, train=train)
        made = jax.image.resize(made, (batch, height, width, self.out_channels), "linear")
        if points is None:
            return made
        given = condition[..., 1:2].max((1, 2, 3), keepdims=True) > 0.0
        return jnp.where(given, along_luma(made, condition[..., :1]), made)


class Guide(nn.Module):
    """A second way up, which begins as the first (see `training/warm_start.py`) and follows points of colour.

    At every level it adds what the points say there; at stride 8 all places attend to all points. As far as a place
    attends to none, it stays half of what it was: with one point alone, photographs then get worse half as often.

    Attributes:
        config, out_channels, dtype, axis_name: as for `EfficientNetUNet`.
    """

    config: GeneratorConfig
    out_channels: int
    dtype: Any = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(
        self, features: Sequence[jax.Array], made: jax.Array, points: jax.Array, *, train: bool = False
    ) -> jax.Array:
        """Makes images anew, with points; one that has none stays as it is.

        Args:
            features: the encoder's.
            made: what was made without points, float32 [batch, height / 2, width / 2, out_channels] in [-1, 1].
            points: 1 where there is one and 0 elsewhere; there the chroma that is asked for: float [batch, height,
                width, 1 + out_channels].
            train: whether its norms use the batch's statistics.

        Returns:
            float32, the shape of `made`.
        """
        whole = jax.image.resize(made, (*points.shape[:3], self.out_channels), "linear")
        guided, attended = way_up(self, features, partial(at_points, whole, points), train=train)
        trust = jax.image.resize(0.5 + 0.5 * attended, (*made.shape[:3], 1), "linear")
        guided = made + trust * (guided - made)
        return jnp.where(points[..., :1].max((1, 2, 3), keepdims=True) > 0.0, guided, made)


def way_up(
    module: EfficientNetUNet | Guide,
    features: Sequence[jax.Array],
    points: Callable[[int], jax.Array] | None = None,
    *,
    train: bool,
) -> tuple[jax.Array, jax.Array]:
    """The way up, within a module that has its parameters.

    Args:
        module: the module, in whose compact method this is called.
        features: the encoder's, at strides 2 to 32.
        points: gives what points of colour say at a stride, see `at_points`; None without points.
        train: whether norms use the batch's statistics.

    Returns:
        The image at half the size, float32 [batch, height / 2, width / 2, out_channels] in [-1, 1], and how much each
        place attends to points, float32 [batch, height / 8, width / 8, 1] in [0, 1]; 0 without points.
    """
    dtype, axis_name, width = module.dtype, module.axis_name, module.config.width
    # What points add to features begins at zero.
    added = partial(Conv, size=3, dtype=dtype, use_bias=False, kernel_init=nn.initializers.zeros)
    *skips, deepest = features
    attended = jnp.zeros(())
    x = nn.relu(Conv(width * 8, 1, dtype, name="bottom")(deepest))
    for stride, skip in zip(reversed(_STRIDES[:-1]), reversed(skips), strict=True):
        channels = width * min(stride // 2, 8)
        y = Conv(channels, 1, dtype, name=f"up{stride}")(x).repeat(2, 1).repeat(2, 2)
        y += Conv(channels, 1, dtype, name=f"skip{stride}")(skip)
        said = None
        if points is not None:
            said = points(stride)
            if stride == _ATTENDED:
                seen = jnp.concatenate([skip, x.repeat(2, 1).repeat(2, 2).astype(skip.dtype)], -1)
                attention, attended = Attention(dtype, name="attention")(seen, said)
                said = jnp.concatenate([said, attention], -1)
            y += added(channels, name=f"points{stride}")(said)
        y = BatchNorm(axis_name, slope=0.0, dtype=dtype, name=f"norm{stride}")(y, train=train)
        if said is not None:
            y += added(channels, name=f"again{stride}")(said)
        x = Block(channels, 0.0, dtype=dtype, axis_name=axis_name, name=f"block{stride}")(y, train=train)
    return jnp.tanh(Block(module.out_channels, None, dtype=dtype, name="last")(x)), attended
