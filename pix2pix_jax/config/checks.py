"""What is checked of a config before a start."""

import dataclasses
import math
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pix2pix_jax.config.keys import Config, leaves
from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.networks import (
    NETWORK_KEYS,
    ReferenceDiscriminator,
    ReferenceGenerator,
    make_discriminator,
    make_generator,
)
from pix2pix_jax.tasks import ColorizationTask, TranslationTask

_COUNT = 2**31 - 1
_RANGES: dict[str, tuple[float, float]] = {
    "seed": (0, _COUNT),
    "image_size": (4, 2**14),
    "batch_size": (1, 2**20),
    "num_epochs": (0, _COUNT),
    "num_steps": (0, _COUNT),
    "ema_decay": (0.0, 0.99999),
    "saturation": (0.01, 100.0),
    "coloring_side": (0, 2**12),
    **dict.fromkeys(("task.l1", "task.l1_rgb", "task.l1_chroma", "task.nearer_to_gray"), (0.0, 1e6)),
    "task.colorful_emphasis": (0.0, 100.0),
    "task.joined_aspect": (0.0, 2.0**16),
    **dict.fromkeys(("task.input_channels", "task.output_channels"), (1, 1024)),
    "generator.depth": (2, 12),
    "generator.blocks": (0, 100),
    "generator.dropout": (0.0, 0.99),
    "generator.encoder_rate": (0.0, 100.0),
    "discriminator.layers": (1, 6),
    **dict.fromkeys(("generator.width", "discriminator.width"), (1, 4096)),
    **dict.fromkeys(("generator.init_gain", "discriminator.init_gain"), (0.0, 100.0)),
    "objective.discriminator_factor": (0.0, 100.0),
    "objective.real_label": (0.5, 1.0),
    "objective.gradient_penalty": (0.0, 1e6),
    **dict.fromkeys(("adam.learning_rate", "adam.discriminator_learning_rate"), (0.0, 1.0)),
    **dict.fromkeys(("adam.b1", "adam.b2"), (0.0, 0.99999)),
    "adam.eps": (1e-16, 1.0),
    **dict.fromkeys(("adam.schedule_start", "adam.schedule_end"), (0, _COUNT)),
    **dict.fromkeys(("data.eval_fraction", "data.aged"), (0.0, 1.0)),
    "data.resize": (1, 2**14),
    "data.eval_images": (0, _COUNT),
    "data.num_workers": (0, 1024),
    **dict.fromkeys(("data.float_min", "data.float_max"), (-1e30, 1e30)),
    "data.edge_sigma": (0.01, 100.0),
    "data.blur_factor": (2, 1024),
    "data.mask_share": (0.001, 0.999),
    **dict.fromkeys((f"{what}_every_steps" for what in ("log", "eval", "sample", "checkpoint")), (1, _COUNT)),
    "checkpoints_to_keep": (1, 10**6),
}
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
    _validate_networks(config)
    _validate_losses(config)
    _validate_sizes(config)
    adam = config.adam
    if 0 < adam.schedule_end <= adam.schedule_start:
        raise UserError(
            f"config.adam.schedule_end={adam.schedule_end} is not after"
            f" config.adam.schedule_start={adam.schedule_start}: leave one of them 0"
        )
    if adam.schedule == "constant" and (adam.schedule_start or adam.schedule_end):
        raise UserError(
            "config.adam.schedule_start and schedule_end work only with config.adam.schedule=linear or cosine"
        )
    if config.num_steps < 1 and config.num_epochs < 1:
        raise UserError(
            f"config.num_epochs={config.num_epochs} and config.num_steps={config.num_steps}"
            " leave nothing to do: set one of them to 1 or more"
        )
    batch = config.batch_size
    if batch < device_count or batch % device_count:
        lower = max(batch // device_count * device_count, device_count)
        raise UserError(
            f"config.batch_size={batch} cannot be split over {device_count} devices:"
            f" use a multiple of {device_count}, such as {lower}"
        )
    _validate_norms(config, device_count)


def check_values(config: Config) -> None:
    """Checks every value by itself, as of a file that others made; raises UserError as `validate` does."""
    _validate_choices(config)
    _validate_ranges(config)
    _validate_split(config)


def _validate_choices(part: Any, prefix: str = "") -> None:
    """Checks every value whose type is a `Literal`."""
    for name, hint in get_type_hints(type(part)).items():
        value = getattr(part, name)
        if dataclasses.is_dataclass(value):
            _validate_choices(value, f"{prefix}{name}.")
        elif get_origin(hint) is Literal and value not in get_args(hint):
            raise UserError(
                f"config.{prefix}{name}={value} is not known: choose one of {', '.join(get_args(hint))}"
                f" (the nearest is {nearest(str(value), get_args(hint))})"
            )


def _validate_ranges(config: Config) -> None:
    for key, value in leaves(config).items():
        if key in _RANGES and not _RANGES[key][0] <= value <= _RANGES[key][1]:
            raise UserError(f"config.{key}={value} is out of range: use {_RANGES[key][0]} to {_RANGES[key][1]}")


def _validate_split(config: Config) -> None:
    if isinstance(config.task, TranslationTask):
        try:
            _ = config.task.input_parts
        except ValueError as error:
            channels = config.task.input_channels
            raise UserError(
                f"config.task.input_split={config.task.input_split} must say how the {channels} channels of"
                " config.task.input_channels are split, such as 3+1 of 4; or leave it out"
            ) from error


def _validate_networks(config: Config) -> None:
    """Checks that every key of the networks is in its range, and read by the network that is chosen."""
    for name, part in (("generator", config.generator), ("discriminator", config.discriminator)):
        reads = NETWORK_KEYS[name][part.network]
        for key, value in dataclasses.asdict(part).items():
            if key not in reads | {"network"} and value != getattr(type(part)(), key):
                raise UserError(
                    f"config.{name}.{key}={value} is not read with config.{name}.network={part.network}: leave it out,"
                    f" or choose another network, such as {next(n for n, r in NETWORK_KEYS[name].items() if key in r)}"
                )
    if config.generator.network == "efficientnet" and config.task.condition_channels not in (1, 3):
        raise UserError(
            f"config.generator.network=efficientnet sees grey or RGB images, and config.task.input_channels is"
            f" {config.task.condition_channels}: use another network"
        )
    if config.data.aged and isinstance(config.task, TranslationTask):
        raise UserError(f"config.data.aged={config.data.aged} works only with colouring, and this task is translation")
    if config.objective.gan == "wgan-gp" and config.task.adversarial and config.discriminator.norm == "batch":
        raise UserError(
            "config.objective.gan=wgan-gp penalises the discriminator's gradient image by image, and batch norm mixes"
            " images: use a discriminator without it, such as --config.discriminator.network=patchgan"
            " --config.discriminator.norm=instance"
        )


def _validate_losses(config: Config) -> None:
    """Checks that the chosen objective and task read every one of their keys that is not at its default."""
    task, gan = config.task, config.objective.gan
    unread = {
        "objective.real_label": gan not in ("vanilla", "lsgan") and f"config.objective.gan={gan}",
        "objective.gradient_penalty": gan != "wgan-gp" and f"config.objective.gan={gan}",
    }
    if not task.adversarial:
        alone = f"config.task.kind={task.kind} without a discriminator"
        unread |= dict.fromkeys(("task.discriminator_sees_gray", "task.discriminator_sees_condition"), alone)
    found, defaults = leaves(config), leaves(Config(task=type(task)()))
    for key, reason in unread.items():
        if reason and key in found and found[key] != defaults[key]:
            raise UserError(f"config.{key}={found[key]} is not read with {reason}: leave it out")
    if isinstance(task, ColorizationTask) and task.colorful_emphasis and not task.l1_chroma:
        raise UserError(
            f"config.task.colorful_emphasis={task.colorful_emphasis} is of the L1 loss of chroma, and"
            " config.task.l1_chroma is 0: leave it out, or give that a weight"
        )


def _validate_sizes(config: Config) -> None:
    size, preprocess = config.image_size, config.data.preprocess
    multiple = make_generator(config.generator, 1).size_multiple
    if 0 < config.coloring_side < multiple:
        raise UserError(
            f"config.coloring_side={config.coloring_side} is less than the generator takes: use a multiple"
            f" of {multiple}"
        )
    if preprocess not in ("scale_width", "none"):  # there the images' own sizes count, see `check_fits`
        check_fits(config, size, size, f"config.image_size={size}")
    if preprocess not in ("crop", "none") and config.data.resize < size:
        raise UserError(
            f"config.data.resize={config.data.resize} is smaller than config.image_size={size}:"
            f" images are resized to it before the crop; use {round(size * 7 / 6)}"
        )


def _validate_norms(config: Config, device_count: int) -> None:
    """Checks that no batch norm is over a single value, of which it would make 0 whatever the image.

    Only the reference's networks become a single pixel somewhere, each at its smallest size.
    """
    together = config.batch_size if config.sync_batch_norm else config.batch_size // device_count
    size, one_image = config.image_size, config.test_time.startswith("batch")
    generator = config.generator.network == "reference" and size == ReferenceGenerator.smallest_size
    discriminator = config.discriminator.network == "reference" and size == ReferenceDiscriminator.smallest_size
    if together == 1 and (generator or (discriminator and config.task.adversarial)):
        raise UserError(
            f"at config.image_size={size}, one image at a time leaves a batch norm a single value: use"
            f" config.batch_size={2 * device_count} or more, or config.image_size={2 * size}"
        )
    if one_image and generator:
        raise UserError(
            f"config.test_time={config.test_time} leaves a batch norm a single value at config.image_size={size}:"
            f" use config.image_size={2 * size}, or config.test_time=running"
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
    if config.task.adversarial:
        networks.append(make_discriminator(config.discriminator))
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
