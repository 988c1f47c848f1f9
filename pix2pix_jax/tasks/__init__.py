"""What the two networks look at: colouring in several colour spaces, and paired translation, each one small value."""

from pix2pix_jax.tasks.base import Task
from pix2pix_jax.tasks.colorization import (
    ColorizationTask,
    LabColorizationTask,
    Photo,
    photo_from_rgb,
    saturated,
)
from pix2pix_jax.tasks.translation import TranslationTask

__all__ = [
    "TASKS",
    "AnyTask",
    "ColorizationTask",
    "LabColorizationTask",
    "Photo",
    "Task",
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
