"""The configuration of a run: every key, its default, and what is checked before anything starts."""

import math
from typing import Any

import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from pix2pix_jax import discriminator, generator
from pix2pix_jax.data.loader import CACHES
from pix2pix_jax.discriminator import Discriminator
from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.generator import Generator
from pix2pix_jax.state import Model
from pix2pix_jax.step import AXIS
from pix2pix_jax.task import ColorizationTask

_CHOICES = {
    "dtype": ("float32", "bfloat16"),
    "data.cache": CACHES,
    "task.generator_makes": ("chroma", "rgb"),
    "task.discriminator_sees": ("rgb", "ycrcb", "none"),
}


Config = Any
"""An `ml_collections.ConfigDict`; type checkers know nothing of its keys, so they are told nothing of it."""


def default_config() -> Config:
    """The reference's recipe for `ycrcb_rgb`; an experiment is a small difference from it."""
    config: Config = ConfigDict()
    config.name = "ycrcb_rgb"  # names the run: the default working directory is runs/NAME
    config.seed = 0  # of the weights, and of the order, crops and flips of the data
    config.image_size = 96  # height and width in pixels of what the networks see; a multiple of 32
    config.batch_size = 512  # images a step, over all devices
    config.num_epochs = 200  # passes over the training images
    config.num_steps = 0  # steps in all; where above 0, it wins over num_epochs
    config.dtype = "float32"  # of the networks' computation: float32 or bfloat16
    config.warm_start = ""  # run, .safetensors file or "pretrained": the generator to begin with; empty: a random one
    config.ema_decay = 0.0  # of a moving average of G's weights, which then is what colours; 0: none
    config.saturation = 1.0  # factor of the made chroma when photographs are coloured; training knows nothing of it
    config.sync_batch_norm = True  # batch statistics over all devices rather than each device's own

    config.task = ConfigDict()
    config.task.generator_makes = "chroma"  # chroma (Cr and Cb) or rgb
    config.task.discriminator_sees = "rgb"  # rgb, ycrcb, or none: no discriminator
    config.task.discriminator_sees_gray = False  # the grey input as one more channel
    config.task.l1_rgb = 25.0  # weight of the mean absolute error of RGB
    config.task.l1_chroma = 75.0  # weight of the mean absolute error of Cr and Cb

    config.adam = ConfigDict()  # one Adam for each network, alike
    config.adam.learning_rate = 2e-4
    config.adam.b1 = 0.5
    config.adam.b2 = 0.999
    config.adam.eps = 1e-8
    config.adam.linear_decay = False  # the paper's schedule: level for the first half, then linear to 0

    config.data = ConfigDict()
    config.data.source = "stl10"  # stl10, tfds:NAME[/CONFIG], folder, or bundled (a few photographs of scikit-image's)
    config.data.root = ""  # folder: where the photographs are, searched recursively
    config.data.eval_root = ""  # folder: where held-out photographs are; without it a fraction of root's
    config.data.split = ""  # stl10 and tfds: what to train on; empty for the set's own, such as "train"
    config.data.eval_split = ""  # stl10 and tfds: what to judge on; empty for the set's own, such as "test"
    config.data.tfds_dir = ""  # stl10 and tfds: where prepared sets are kept; empty for TFDS's own place
    config.data.eval_fraction = 0.05  # held-out fraction where nothing else is there to judge on
    config.data.resize = 112  # shorter side in pixels of larger photographs before the crop to image_size
    config.data.eval_images = 0  # held-out images to judge on; 0: all there are, up to 256
    config.data.cache = "auto"  # where decoded photographs are kept: device, host, none, or the first that has room
    config.data.cache_dir = ""  # folder of decoded photographs; empty for ~/.cache/pix2pix_jax/decoded
    config.data.num_workers = 2  # processes that decode where nothing is kept, or threads that do so once

    config.log_every_steps = 50  # a line of metrics.jsonl
    config.eval_every_steps = 500  # figures of merit on the held-out images
    config.sample_every_steps = 500  # samples/step_*.png and curves.png
    config.checkpoint_every_steps = 500
    config.checkpoints_to_keep = 3
    return config


def leaves(config: Config) -> dict[str, object]:
    """Every value of a config by its dotted key, as in `data.root`."""
    found: dict[str, object] = {}
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            found |= {f"{key}.{name}": leaf for name, leaf in leaves(value).items()}
        else:
            found[key] = value
    return found


def validate(config: Config, device_count: int) -> None:
    """Checks a configuration before anything is started.

    Args:
        config: as `default_config` has it.
        device_count: devices that the batch is split over.

    Raises:
        UserError: if a key is unknown or a value cannot work; names the key, what was given and what was wanted.
    """
    known = leaves(default_config())
    for key, value in leaves(config).items():
        if key not in known:
            raise UserError(f"unknown config key {key}: the nearest known one is {nearest(key, known)}")
        if key in _CHOICES and value not in _CHOICES[key]:
            choices = ", ".join(_CHOICES[key])
            raise UserError(
                f"config.{key}={value} is not known: choose one of {choices}"
                f" (the nearest is {nearest(str(value), _CHOICES[key])})"
            )
    if not 0.0 <= config.ema_decay < 1.0:
        raise UserError(f"config.ema_decay={config.ema_decay} is not in [0, 1): use 0.999, or 0 for no average")
    if not 0.0 < config.saturation < math.inf:
        raise UserError(f"config.saturation={config.saturation} is no positive number: use 1 for colours as made")
    _validate_sizes(config, device_count)


def _validate_sizes(config: Config, device_count: int) -> None:
    adversarial = config.task.discriminator_sees != "none"
    multiple = discriminator.SIZE_MULTIPLE if adversarial else generator.SIZE_MULTIPLE
    size = config.image_size
    if size < multiple or size % multiple:
        lower = max(size // multiple * multiple, multiple)
        raise UserError(
            f"config.image_size={size} does not fit the networks: it must be a multiple of {multiple};"
            f" use {lower} or {lower + multiple}"
        )
    if config.data.resize < size:
        raise UserError(
            f"config.data.resize={config.data.resize} is smaller than config.image_size={size}:"
            f" photographs are resized to it before the crop; use {round(size * 7 / 6)}"
        )
    batch = config.batch_size
    if batch < device_count or batch % device_count:
        lower = max(batch // device_count * device_count, device_count)
        raise UserError(
            f"config.batch_size={batch} cannot be split over {device_count} devices:"
            f" use a multiple of {device_count}, such as {lower}"
        )
    for key in ("log", "eval", "sample", "checkpoint"):
        if config[f"{key}_every_steps"] < 1:
            raise UserError(
                f"config.{key}_every_steps={config[f'{key}_every_steps']} is not a number of steps: use 1 or more"
            )
    if config.num_steps < 1 and config.num_epochs < 1:
        raise UserError(
            f"config.num_epochs={config.num_epochs} and config.num_steps={config.num_steps}"
            " leave nothing to do: set one of them to 1 or more"
        )


def build_model(config: Config, total_steps: int) -> Model:
    """Makes the task, the networks and the optimizer that a configuration describes.

    Args:
        config: a valid one, see `validate`.
        total_steps: steps in the whole run, which the learning rate's decay is spread over.

    Returns:
        The model, its networks sharing batch statistics over the axis `AXIS` if `sync_batch_norm`.
    """
    task = ColorizationTask(**config.task.to_dict())
    dtype = jnp.dtype(config.dtype)
    axis_name = AXIS if config.sync_batch_norm else None
    adam = config.adam
    half = total_steps // 2
    decay = optax.schedules.linear_schedule(adam.learning_rate, 0.0, total_steps - half, transition_begin=half)
    learning_rate = decay if adam.linear_decay else adam.learning_rate
    return Model(
        task=task,
        generator=Generator(task.generator_channels, dtype, axis_name),
        discriminator=Discriminator(dtype, axis_name),
        optimizer=optax.adam(learning_rate, b1=adam.b1, b2=adam.b2, eps=adam.eps),
        ema_decay=config.ema_decay,
        saturation=config.saturation,
    )
