"""Colouring grey photographs, in several colour spaces."""

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from pix2pix_jax import color, losses
from pix2pix_jax.tasks import points


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
    """How grey photographs are coloured, and shown to the discriminator, in RGB and YCrCb.

    Attributes:
        generator_makes: "chroma" (Cr and Cb, joined with the given luma) or "rgb".
        discriminator_sees: "rgb", "ycrcb", or "none" for training without a discriminator.
        discriminator_sees_gray: whether the grey input is given to the discriminator as a last channel, which is the
            pix2pix paper's conditioning.
        l1_rgb: weight of the mean absolute error of RGB in the generator's loss; 0 leaves the term out.
        l1_chroma: the same for Cr and Cb.
        colorful_emphasis: how much more colourful pixels count in the latter, see `losses.l1_of_chroma`.
        nearer_to_gray: weight of the share of photographs that the grey image is nearer to than the made one, see
            `losses.share_nearer_to_gray`; 0 leaves the term out.
        points: how many points of colour the generator is given in training, on average where it is given any, see
            `points.draw_points`; 0 for a generator that takes none.
        kind: the task's name.
    """

    generator_makes: Literal["chroma", "rgb"] = "chroma"
    discriminator_sees: Literal["rgb", "ycrcb", "none"] = "rgb"
    discriminator_sees_gray: bool = False
    l1_rgb: float = 25.0
    l1_chroma: float = 75.0
    colorful_emphasis: float = 0.0
    nearer_to_gray: float = 0.0
    points: float = 0.0
    kind: Literal["colorization"] = "colorization"

    batch_channels = 3  # RGB

    @property
    def condition_channels(self) -> int:
        """Channels of what the generator is given: luma, and a map of points where it takes them."""
        return 1 + points.CHANNELS if self.points else 1

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        return self.discriminator_sees != "none"

    @property
    def generator_channels(self) -> int:
        """Channels of the generator's output."""
        return 2 if self.generator_makes == "chroma" else 3

    def example(self, batch: jax.Array) -> tuple[jax.Array, Photo]:
        """Luma and the whole photo of uint8 RGB [batch, height, width, 3]."""
        truth = photo_from_rgb(color.from_pixels(batch))
        return truth.luma, truth

    def with_points(self, condition: jax.Array, truth: Photo, key: jax.Array) -> jax.Array:
        """Luma [batch, height, width, 1] and points that are drawn from the truth, where the generator takes any."""
        if not self.points:
            return condition
        return jnp.concatenate([condition, points.draw_points(key, truth.chroma, self.points)], -1)

    def image(self, condition: jax.Array, output: jax.Array) -> Photo:
        """The photo of a luma [batch, height, width, 1] and what the generator made of it, both float in [-1, 1].

        RGB is not clipped: made chroma may lie outside the gamut.
        """
        if self.generator_makes == "rgb":
            return photo_from_rgb(output)
        ycrcb = jnp.concatenate([condition, output], -1)
        return Photo(color.ycrcb_to_rgb(ycrcb), ycrcb)

    def discriminator_input(self, image: Photo, condition: jax.Array) -> jax.Array:
        """What the discriminator sees of a true or a made photo: float [batch, height, width, channels]."""
        seen = image.rgb if self.discriminator_sees == "rgb" else image.ycrcb
        return jnp.concatenate([seen, condition], -1) if self.discriminator_sees_gray else seen

    def pictures(self, image: Photo, condition: jax.Array) -> jax.Array:
        """The same for one that sees pictures, see `color.joined_rgb`."""
        return color.joined_rgb(image.rgb, condition) if self.discriminator_sees_gray else image.rgb

    def reconstruction_terms(self, made: Photo, truth: Photo) -> dict[str, tuple[float, jax.Array]]:
        """The terms that need the truth, by name, each with its weight; those of weight 0 are left out."""
        terms = {}
        if self.l1_rgb:
            terms["g_l1_rgb"] = self.l1_rgb, losses.l1(made.rgb, truth.rgb)
        if self.l1_chroma:
            l1 = losses.l1_of_chroma(made.chroma, truth.chroma, self.colorful_emphasis)
            terms["g_l1_chroma"] = self.l1_chroma, l1
        if self.nearer_to_gray:
            share = losses.share_nearer_to_gray(made.rgb, truth.rgb, truth.luma)
            terms["g_nearer_to_gray"] = self.nearer_to_gray, share
        return terms

    def condition_of_luma(self, luma: jax.Array) -> jax.Array:
        """What the generator is given of a grey photograph: its luma, [batch, height, width, 1] in [-1, 1]."""
        return luma

    def photo(self, luma: jax.Array, output: jax.Array) -> Photo:
        """The photo that the generator made of a grey photograph, see `image`."""
        return self.image(luma, output)


@dataclasses.dataclass(frozen=True)
class LabColorizationTask:
    """Colouring in CIELAB, as the pix2pix paper and its authors' PyTorch code do: L is given, a and b are made.

    L is scaled as L / 50 - 1, a and b as a / 110 and b / 110. An image here is Lab, float [batch, height, width, 3].

    Attributes:
        adversarial: whether there is a discriminator.
        discriminator_sees_gray: whether it sees L beside a and b.
        l1: weight of the mean absolute error of a and b in the generator's loss.
        kind: the task's name.
    """

    adversarial: bool = True
    discriminator_sees_gray: bool = True
    l1: float = 100.0
    kind: Literal["lab_colorization"] = "lab_colorization"

    batch_channels = 3  # RGB
    condition_channels = 1  # L
    generator_channels = 2  # a and b

    def example(self, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        """L and Lab of uint8 RGB [batch, height, width, 3]."""
        lab = color.rgb_to_lab(color.from_pixels(batch))
        return lab[..., :1], lab

    def image(self, condition: jax.Array, output: jax.Array) -> jax.Array:
        """Joins L [batch, height, width, 1] with the a and b that were made of it [batch, height, width, 2]."""
        return jnp.concatenate([condition, output], -1)

    def discriminator_input(self, image: jax.Array, condition: jax.Array) -> jax.Array:
        """What the discriminator sees of a true or a made image: Lab, or a and b alone."""
        return image if self.discriminator_sees_gray else image[..., 1:]

    def pictures(self, image: jax.Array, condition: jax.Array) -> jax.Array:
        """The same for one that sees pictures: RGB, which holds L, clipped to the gamut; the grey image beside it."""
        rgb = color.lab_to_rgb(image)
        gray = color.lab_to_rgb(jnp.pad(condition, [(0, 0), (0, 0), (0, 0), (0, 2)]))
        return color.joined_rgb(rgb, gray) if self.discriminator_sees_gray else rgb

    def reconstruction_terms(self, made: jax.Array, truth: jax.Array) -> dict[str, tuple[float, jax.Array]]:
        """The L1 term by name, with its weight."""
        return {"g_l1_ab": (self.l1, losses.l1(made[..., 1:], truth[..., 1:]))}

    def condition_of_luma(self, luma: jax.Array) -> jax.Array:
        """L of a grey photograph whose luma is given, both [batch, height, width, 1] in [-1, 1]."""
        return color.rgb_to_lab(jnp.repeat(luma, 3, -1))[..., :1]

    def photo(self, luma: jax.Array, output: jax.Array) -> Photo:
        """The photo that the generator made of a grey photograph; RGB is clipped to the gamut."""
        return photo_from_rgb(color.lab_to_rgb(self.image(self.condition_of_luma(luma), output)))
