"""What is checked of a config before a start."""

import dataclasses
import math
from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pix2pix_jax.config.keys import Config, leaves
from pix2pix_jax.config.unread import readers_of, unread_keys
from pix2pix_jax.errors import UserError, did_you_mean
from pix2pix_jax.networks import ReferenceDiscriminator, ReferenceGenerator, make_discriminator, make_generator
from pix2pix_jax.tasks import ColorizationTask, TranslationTask

_COUNT = 2**31 - 1
_NUMBERS: list[tuple[float, float, str]] = [
    (0, _COUNT, "seed num_epochs num_steps data.eval_images adam.schedule_start adam.schedule_end"),
    (1, _COUNT, "log_every_steps eval_every_steps sample_every_steps checkpoint_every_steps checkpoints_to_keep"),
    (1, 2**20, "batch_size"),
    (4, 2**14, "image_size"),
    (1, 2**14, "data.resize"),
    (0, 2**12, "coloring_side"),
    (1, 2**12, "generator.width discriminator.width"),
    (2, 12, "generator.depth"),
    (0, 100, "generator.blocks"),
    (1, 6, "discriminator.layers"),
    (1, 1024, "task.input_channels task.output_channels"),
    (0, 1024, "data.num_workers"),
    (2, 1024, "data.blur_factor"),
    (0.0, 1e6, "task.l1 task.l1_rgb task.l1_chroma task.nearer_to_gray"),
    (0.0, 1e6, "objective.gradient_penalty objective.feature_matching"),
    (0.0, 100.0, "task.colorful_emphasis task.points objective.discriminator_factor generator.encoder_rate"),
    (0.0, 100.0, "generator.init_gain discriminator.init_gain"),
    (0.01, 100.0, "saturation data.edge_sigma"),
    (0.0, 1.0, "adam.learning_rate adam.discriminator_learning_rate data.eval_fraction data.aged"),
    (0.0, 1.0, "adam.discriminator_b1 adam.discriminator_b2"),
    (0.0, 0.99999, "adam.b1 adam.b2 ema_decay"),
    (0.0, 0.99, "generator.dropout"),
    (0.5, 1.0, "objective.real_label"),
    (1e-16, 1.0, "adam.eps"),
    (0.001, 0.999, "data.mask_share"),
    (0.0, 2.0**16, "task.joined_aspect"),
    (-1e30, 1e30, "data.float_min data.float_max"),
]
_RANGES = {key: (least, most) for least, most, keys in _NUMBERS for key in keys.split()}
"""The least and the greatest value of every key that is a number; `validate` and who reads it may ask for more."""


def validate(config: Config, device_count: int) -> None:
    """Checks a configuration before anything is started.

    Args:
        config: the configuration.
        device_count: devices that the batch is split over.

    Raises:
        UserError: if a value cannot work; names the key, what was given and what was wanted.
    """
    check_values(config)
    found, defaults = leaves(config), leaves(Config(task=type(config.task)()))
    for key, setting in unread_keys(found).items():
        if found.get(key) != defaults.get(key):
            readers = " or ".join(readers_of(key, setting))
            remedy = f"use {readers}, or leave it out" if readers else "leave it out"
            raise UserError(f"config.{key}={found[key]} is not read with config.{setting}={found[setting]}: {remedy}")
    for wrong, message in chain(_rules_of_networks(config), _rules_of_training(config, device_count)):
        if wrong:
            raise UserError(message)
    if config.data.preprocess not in ("scale_width", "none"):  # there the images' own sizes count
        check_fits(config, config.image_size, config.image_size, f"config.image_size={config.image_size}")


def check_values(config: Config) -> None:
    """Checks every value by itself, as of a file that others made; raises UserError as `validate` does."""
    _check_choices(config)
    for key, value in leaves(config).items():
        if key in _RANGES and not _RANGES[key][0] <= value <= _RANGES[key][1]:
            raise UserError(f"config.{key}={value} is out of range: use {_RANGES[key][0]} to {_RANGES[key][1]}")
    if isinstance(config.task, TranslationTask):
        try:
            _ = config.task.input_parts
        except ValueError as error:
            channels = config.task.input_channels
            raise UserError(
                f"config.task.input_split={config.task.input_split} must say how the {channels} channels of"
                " config.task.input_channels are split, such as 3+1 of 4; or leave it out"
            ) from error


def _check_choices(part: Any, prefix: str = "") -> None:
    """Checks every value whose type is a `Literal`."""
    for name, hint in get_type_hints(type(part)).items():
        value = getattr(part, name)
        if dataclasses.is_dataclass(value):
            _check_choices(value, f"{prefix}{name}.")
        elif get_origin(hint) is Literal and value not in get_args(hint):
            raise UserError(
                f"config.{prefix}{name}={value} is not known: choose one of {', '.join(get_args(hint))}"
                f"{did_you_mean(str(value), get_args(hint))}"
            )


def _rules_of_networks(config: Config) -> Iterator[tuple[bool, str]]:
    """What the networks and the task cannot do, and how to say so, in the order in which it is checked."""
    network, channels = config.generator.network, config.task.condition_channels
    points = config.task.points if isinstance(config.task, ColorizationTask) else 0.0
    yield (
        0.0 < points < 1.0 or (points > 0.0 and config.task.generator_channels != 2),
        f"config.task.points={points} must be 1 or more, the mean number of those images that get any, and works only"
        " with config.task.generator_makes=chroma",
    )
    yield (
        points > 0.0 and network == "efficientnet" and not config.warm_start,
        f"config.task.points={points} trains what follows points alone where config.generator.network=efficientnet:"
        " set config.warm_start to a generator of that network, such as pretrained",
    )
    yield (
        config.generator.keep_averages and not config.warm_start,
        "config.generator.keep_averages=True keeps those of config.warm_start, and there is none: give one, or use"
        " --config=configs/from_encoder.py",
    )
    yield (
        network == "efficientnet" and not points and channels not in (1, 3),
        f"config.generator.network=efficientnet sees grey or RGB images, and config.task.input_channels is {channels}:"
        " use another network",
    )
    projected = config.discriminator.network == "projected" and config.task.adversarial
    yield (
        projected and network == "efficientnet" and config.generator.variant == config.discriminator.variant,
        f"config.discriminator.variant={config.discriminator.variant} is the generator's too: a"
        " discriminator that shares its encoder teaches it nothing; use another",
    )
    if projected and isinstance(config.task, ColorizationTask):
        yield (
            config.task.discriminator_sees != "rgb",
            "config.discriminator.network=projected sees RGB: use config.task.discriminator_sees=rgb",
        )
    if projected and isinstance(config.task, TranslationTask):
        seen = {config.task.output_channels} | ({channels} if config.task.discriminator_sees_condition else set())
        yield (
            not seen <= {1, 3},
            "config.discriminator.network=projected sees grey or RGB images, and config.task has"
            f" {' and '.join(map(str, seen))} channels: use another, or config.task.discriminator_sees_condition=False",
        )
    batch_norm = config.discriminator.norm == "batch" and not projected
    yield (
        config.objective.gan == "wgan-gp" and config.task.adversarial and batch_norm,
        "config.objective.gan=wgan-gp penalises the discriminator's gradient image by image, and batch norm mixes"
        " images: use a discriminator without it, such as --config.discriminator.network=patchgan"
        " --config.discriminator.norm=instance",
    )


def _rules_of_training(config: Config, devices: int) -> Iterator[tuple[bool, str]]:
    """As `_rules_of_networks`, of sizes, batches and steps."""
    size, batch, resize, adam = config.image_size, config.batch_size, config.data.resize, config.adam
    multiple = make_generator(config.generator, 1).size_multiple
    yield (
        0 < config.coloring_side < multiple,
        f"config.coloring_side={config.coloring_side} is less than the generator takes: use a multiple of {multiple}",
    )
    yield (
        config.data.preprocess not in ("crop", "none") and resize < size,
        f"config.data.resize={resize} is smaller than config.image_size={size}: images are resized to it before the"
        f" crop; use {round(size * 7 / 6)}",
    )
    yield (
        0 < adam.schedule_end <= adam.schedule_start,
        f"config.adam.schedule_end={adam.schedule_end} is not after config.adam.schedule_start={adam.schedule_start}:"
        " leave one of them 0",
    )
    yield (
        config.num_steps < 1 and config.num_epochs < 1,
        f"config.num_epochs={config.num_epochs} and config.num_steps={config.num_steps} leave nothing to do: set one of"
        " them to 1 or more",
    )
    yield (
        batch % devices > 0,
        f"config.batch_size={batch} cannot be split over {devices} devices: use a multiple of {devices}, such as"
        f" {max(batch // devices, 1) * devices}",
    )
    # A batch norm over a single value makes 0 of any image. Only the reference's networks become a single pixel
    # somewhere, each at its smallest size.
    alone = batch == 1 or (batch == devices and not config.sync_batch_norm)
    patchgan = config.discriminator.network == "reference" and config.task.adversarial
    generator = config.generator.network == "reference" and size == ReferenceGenerator.smallest_size
    yield (
        alone and (generator or (patchgan and size == ReferenceDiscriminator.smallest_size)),
        f"at config.image_size={size}, one image at a time leaves a batch norm a single value: use"
        f" config.batch_size={2 * devices} or more, or config.image_size={2 * size}",
    )
    yield (
        generator and config.test_time.startswith("batch"),
        f"config.test_time={config.test_time} leaves a batch norm a single value at config.image_size={size}: use"
        f" config.image_size={2 * size}, or config.test_time=running",
    )


def check_fits(config: Config, height: int, width: int, given: str) -> None:
    """Checks that the networks of a config take images of a size.

    Args:
        config: the config.
        height: of the images, px.
        width: of the images, px.
        given: what the size comes from, for the message.

    Raises:
        UserError: if they do not; names sizes that they take.
    """
    networks: list[Any] = [make_generator(config.generator, 1)]
    networks += [make_discriminator(config.discriminator)] if config.task.adversarial else []
    multiple = math.lcm(*(network.size_multiple for network in networks))
    smallest = max(network.smallest_size for network in networks)
    smallest = math.ceil(smallest / multiple) * multiple
    for side in (height, width):
        if side < smallest or side % multiple:
            lower = max(side // multiple * multiple, smallest)
            raise UserError(
                f"{given} does not fit the networks: it must be a multiple of {multiple}"
                + (f" and at least {smallest}" if smallest > multiple else "")
                + f"; use {lower} or {lower + multiple}"
            )
