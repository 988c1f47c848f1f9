"""What the two networks look at: a colouring experiment as one small value."""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from pix2pix_jax import color


class Photo(NamedTuple):
    """The same images in both colour spaces, float [batch, height, width, 3] in [-1, 1]."""

    rgb: jax.Array
    ycrcb: jax.Array

    @property
    def luma(self) -> jax.Array:
        """Y, [batch, height, width, 1]."""
        return self.ycrcb[..., :1]

    @property
    def chroma(self) -> jax.Array:
        """Cr and Cb, [batch, height, width, 2]."""
        return self.ycrcb[..., 1:]


def photo_from_rgb(rgb: jax.Array) -> Photo:
    """The photo whose RGB is given, float [batch, height, width, 3] in [-1, 1]."""
    return Photo(rgb, color.rgb_to_ycrcb(rgb))


def saturated(photo: Photo, factor: float) -> Photo:
    """The photo with its luma as it is, and its chroma times a factor."""
    ycrcb = jnp.concatenate([photo.luma, factor * photo.chroma], -1)
    return Photo(color.ycrcb_to_rgb(ycrcb), ycrcb)


@dataclasses.dataclass(frozen=True)
class ColorizationTask:
    """How grey photographs are coloured and judged.

    Attributes:
        generator_makes: "chroma" (Cr and Cb, joined with the given luma) or "rgb".
        discriminator_sees: "rgb", "ycrcb", or "none" for training without a discriminator.
        discriminator_sees_gray: whether the grey input is given to the discriminator as a last channel, which is the
            pix2pix paper's conditioning.
        l1_rgb: weight of the mean absolute error of RGB in the generator's loss; 0 leaves the term out.
        l1_chroma: the same for Cr and Cb.
    """

    generator_makes: Literal["chroma", "rgb"] = "chroma"
    discriminator_sees: Literal["rgb", "ycrcb", "none"] = "rgb"
    discriminator_sees_gray: bool = False
    l1_rgb: float = 25.0
    l1_chroma: float = 75.0

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return self.discriminator_sees != "none"

    @property
    def generator_channels(self) -> int:
        """Channels of the generator's output."""
        return 2 if self.generator_makes == "chroma" else 3

    @property
    def discriminator_channels(self) -> int:
        """Channels of the discriminator's input."""
        return 4 if self.discriminator_sees_gray else 3

    def photo(self, luma: jax.Array, output: jax.Array) -> Photo:
        """Turns what the generator made into a photo.

        Args:
            luma: what the generator was given, float [batch, height, width, 1] in [-1, 1].
            output: what it made, float [batch, height, width, `generator_channels`] in [-1, 1].

        Returns:
            The photo. RGB is not clipped: made chroma may lie outside the gamut.
        """
        if self.generator_makes == "rgb":
            return photo_from_rgb(output)
        ycrcb = jnp.concatenate([luma, output], -1)
        return Photo(color.ycrcb_to_rgb(ycrcb), ycrcb)

    def judged(self, photo: Photo, luma: jax.Array) -> jax.Array:
        """What the discriminator sees of a photo.

        Args:
            photo: a true or a made one.
            luma: what the generator was given, float [batch, height, width, 1] in [-1, 1].

        Returns:
            float [batch, height, width, `discriminator_channels`].
        """
        image = photo.rgb if self.discriminator_sees == "rgb" else photo.ycrcb
        return jnp.concatenate([image, luma], -1) if self.discriminator_sees_gray else image
