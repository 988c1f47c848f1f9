"""What every task tells the training step."""

from typing import Any, Protocol

import jax


class Task(Protocol):
    """What every task tells the step.

    An image is whatever a task makes of the generator's output: a pytree of arrays. All arrays are float32
    [batch, height, width, channels] in [-1, 1].
    """

    @property
    def kind(self) -> str:
        """The task's name in a config."""
        ...

    @property
    def adversarial(self) -> bool:
        """Whether there is a discriminator."""
        ...

    @property
    def batch_channels(self) -> int:
        """Channels of a batch as it comes from the loader."""
        ...

    @property
    def condition_channels(self) -> int:
        """Channels of what the generator is given."""
        ...

    @property
    def generator_channels(self) -> int:
        """Channels of the generator's output."""
        ...

    @property
    def discriminator_channels(self) -> int:
        """Channels of what the discriminator sees."""
        ...

    def example(self, batch: jax.Array) -> tuple[jax.Array, Any]:
        """The condition and the true image of a batch as it comes from the loader, [batch, height, width, …]."""
        ...

    def image(self, condition: jax.Array, output: jax.Array) -> Any:
        """The image that the generator's output stands for."""
        ...

    def judged(self, image: Any, condition: jax.Array) -> jax.Array:
        """What the discriminator sees of a true or a made image."""
        ...

    def reconstruction_terms(self, made: Any, truth: Any) -> dict[str, tuple[float, jax.Array]]:
        """The terms of the generator's loss that need the truth, by name, each with its weight."""
        ...
