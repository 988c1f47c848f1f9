"""Making one image of another, from pairs of both."""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp

from pix2pix_jax import color, losses


@dataclasses.dataclass(frozen=True)
class TranslationTask:
    """How an image is made of another (Isola et al., 2017); an image here is one array of `output_channels`.

    Attributes:
        input_channels: channels of what is given.
        output_channels: channels of what is made.
        input_split: where several images are given, the channels of each, such as "3+1"; "auto" until files say so.
        output_depth: of the files that are made: the type of those trained on; "auto" until they are known, or for that
            of what is given.
        joined_aspect: width over height of the narrowest image trained on that holds A|B; 0 where A and B lie apart.
        adversarial: whether there is a discriminator.
        discriminator_sees_condition: whether it sees what was given in front of what was made.
        l1: weight of the mean absolute error in the generator's loss.
        kind: the task's name.
    """

    input_channels: int = 3
    output_channels: int = 3
    input_split: str = "auto"
    output_depth: Literal["auto", "uint8", "uint16", "float32"] = "auto"
    joined_aspect: float = 0.0
    adversarial: bool = True
    discriminator_sees_condition: bool = True
    l1: float = 100.0
    kind: Literal["translation"] = "translation"

    @property
    def input_parts(self) -> tuple[int, ...] | None:
        """Channels of each image that is given; None if not known. ValueError if they are not the input's."""
        if self.input_split == "auto":
            return None
        parts = tuple(int(part) for part in self.input_split.split("+"))
        if min(parts) < 1 or sum(parts) != self.input_channels:
            raise ValueError(f"{self.input_split} is not {self.input_channels}")
        return parts

    @property
    def batch_channels(self) -> int:
        """Channels of a batch: those of both images."""
        return self.input_channels + self.output_channels

    @property
    def condition_channels(self) -> int:
        """Channels of what the generator is given."""
        return self.input_channels

    @property
    def generator_channels(self) -> int:
        """Channels of the generator's output."""
        return self.output_channels

    def example(self, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Condition and truth of pairs [batch, height, width, input + output channels], see `color.from_pixels`."""
        pair = color.from_pixels(batch)
        return pair[..., : self.input_channels], pair[..., self.input_channels :]

    def image(self, condition: jax.Array, output: jax.Array) -> jax.Array:
        """What the generator made, as it is."""
        return output

    def discriminator_input(self, image: jax.Array, condition: jax.Array) -> jax.Array:
        """What the discriminator sees: the condition, if it sees that, then the image."""
        return jnp.concatenate([condition, image], -1) if self.discriminator_sees_condition else image

    def pictures(self, image: jax.Array, condition: jax.Array) -> jax.Array:
        """The same for one that sees pictures, see `color.joined_rgb`."""
        return color.joined_rgb(condition, image) if self.discriminator_sees_condition else color.joined_rgb(image)

    def reconstruction_terms(self, made: jax.Array, truth: jax.Array) -> dict[str, tuple[float, jax.Array]]:
        """The L1 term by name, with its weight."""
        return {"g_l1": (self.l1, losses.l1(made, truth))}
