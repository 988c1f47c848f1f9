"""What the two networks look at: colouring in several colour spaces, and paired translation, each one small value.

A task has three numbers of channels, and says what a batch holds (`example`), what image an output stands for
(`image`), what the discriminator sees of it (`discriminator_input`, or `pictures` in RGB), and the terms of the loss
(`reconstruction_terms`). An image is whatever a task makes of the generator's output: a pytree of float32 arrays
[batch, height, width, channels] in [-1, 1].
"""

from pix2pix_jax.tasks.colorization import ColorizationTask, LabColorizationTask, Photo, photo_from_rgb, saturated
from pix2pix_jax.tasks.translation import TranslationTask

__all__ = [
    "TASKS",
    "AnyTask",
    "ColorizationTask",
    "LabColorizationTask",
    "Photo",
    "TranslationTask",
    "photo_from_rgb",
    "saturated",
]

AnyTask = ColorizationTask | LabColorizationTask | TranslationTask

TASKS: dict[str, type[AnyTask]] = {
    "colorization": ColorizationTask,
    "lab_colorization": LabColorizationTask,
    "translation": TranslationTask,
}
"""The tasks by their names in a config."""
