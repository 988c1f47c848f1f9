"""The configuration of a run: every key with its default, the named experiments, and what is checked before a start."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.experiments import EXPERIMENTS, PRESETS
from pix2pix_jax.losses import ObjectiveConfig
from pix2pix_jax.networks import (
    NETWORK_KEYS,
    DiscriminatorConfig,
    GeneratorConfig,
    ReferenceDiscriminator,
    ReferenceGenerator,
    make_discriminator,
    make_generator,
)
from pix2pix_jax.tasks import TASKS, AnyTask, ColorizationTask, TranslationTask


@dataclass(frozen=True)
class AdamConfig:
    """Adam's settings, the same for both networks but for the learning rate."""

    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 0.0  # 0: the same as the generator's
    b1: float = 0.5
    b2: float = 0.999
    eps: float = 1e-8
    schedule: Literal["constant", "linear", "cosine"] = "constant"  # see `state.learning_rates`


@dataclass(frozen=True)
class DataConfig:
    """Where the photographs or pairs come from, and how they become batches."""

    source: str = (
        "stl10"  # stl10, tfds:NAME[/CONFIG], folder, bundled; pairs, edges, blurred, masked (see docs/pairs.md)
    )
    root: str = ""  # folder and pairs: where the images are; edges, blurred, masked: photographs, empty for the bundled
    eval_root: str = ""  # as root, with held-out images; without it, a fraction of root's
    split: str = ""  # stl10 and tfds: what to train on; empty for the set's own, such as "train"
    eval_split: str = ""  # stl10 and tfds: what to judge on; empty for the set's own, such as "test"
    tfds_dir: str = ""  # stl10 and tfds: where prepared sets are kept; empty for TFDS's own place
    eval_fraction: float = 0.05  # held-out fraction where nothing else is there to judge on
    resize: int = 112  # shorter side in pixels of larger photographs before the crop to image_size
    eval_images: int = 0  # held-out images to judge on; 0: all there are, up to 256
    cache: Literal["auto", "device", "host", "none"] = "auto"  # where decoded photographs are kept; auto: first to fit
    cache_dir: str = ""  # folder of decoded photographs; empty for ~/.cache/pix2pix_jax/decoded
    num_workers: int = 2  # processes that decode where nothing is kept, or threads that do so once
    aged: float = 0.0  # colouring: share of the photographs that G sees as old prints, see `aging.aged`
    mirror: bool = True  # whether half of the images, drawn at random, change left and right
    # Pairs alone:
    direction: Literal["AtoB", "BtoA"] = "AtoB"  # which of the two is given, and which is made
    preprocess: Literal["resize_and_crop", "crop", "scale_width", "scale_width_and_crop", "none"] = "resize_and_crop"
    input_interpolation: Literal["bicubic", "nearest"] = "bicubic"  # nearest keeps the values of label maps
    output_interpolation: Literal["bicubic", "nearest"] = "bicubic"
    float_min: float = 0.0  # of images that hold floating point: the value that becomes -1
    float_max: float = 1.0  # of images that hold floating point: the value that becomes 1
    edge_sigma: float = 2.0  # edges: width in pixels of the Gaussian filter before Canny's edge detector
    blur_factor: int = 4  # blurred: how many times smaller the input was made before it was enlarged again
    mask_share: float = 0.25  # masked: share of the image's area that is cut out


@dataclass(frozen=True)
class Config:
    """Every key of a run. The defaults are the reference's recipe for `ycrcb_rgb`."""

    name: str = "ycrcb_rgb"  # names the run: the default working directory is runs/NAME
    seed: int = 0  # of the weights, and of the order, crops and flips of the data
    image_size: int = 96  # height and width in pixels of what the networks see; a multiple of 32
    batch_size: int = 512  # images a step, over all devices
    num_epochs: int = 200  # passes over the training images
    num_steps: int = 0  # steps in all; where above 0, it wins over num_epochs
    dtype: Literal["float32", "bfloat16"] = "float32"  # of the networks' computation; parameters are float32
    warm_start: str = ""  # generator to begin with: a run, a file, "pretrained" or "reference"; empty: a random one
    ema_decay: float = 0.0  # of a moving average of G's weights, which then is what colours; 0: none
    saturation: float = 1.0  # factor of the made chroma when photographs are coloured; training does not use it
    average_mirrored: bool = False  # mean of the colours of a photograph and of its mirror image; not in training
    coloring_side: int = 0  # shorter side in pixels at which G colours photographs of any size; 0: data.resize
    sync_batch_norm: bool = True  # batch statistics over all devices rather than each device's own
    test_time: Literal["running", "running+dropout", "batch", "batch+dropout"] = "running"  # see `Model.test_time`
    task: AnyTask = field(default_factory=ColorizationTask)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    adam: AdamConfig = field(default_factory=AdamConfig)
    data: DataConfig = field(default_factory=DataConfig)
    log_every_steps: int = 50  # a line of metrics.jsonl
    eval_every_steps: int = 500  # measures on the held-out images
    sample_every_steps: int = 500  # samples/step_*.png and curves.png
    checkpoint_every_steps: int = 500
    checkpoints_to_keep: int = 3


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
    **dict.fromkeys(("task.l1", "task.l1_rgb", "task.l1_chroma"), (0.0, 1e6)),
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


def default_config() -> Config:
    """The reference's recipe for `ycrcb_rgb`; every experiment is a small difference from it."""
    return Config()


def experiment_config(name: str) -> Config:
    """The config of one of the named experiments.

    Args:
        name: one of `EXPERIMENTS`, the reference's five, or of `PRESETS`.

    Raises:
        UserError: if there is no experiment of that name; names the nearest.
    """
    known = EXPERIMENTS | PRESETS
    if name not in known:
        raise UserError(
            f"there is no experiment {name}: did you mean {nearest(name, known)}? (known: {', '.join(known)})"
        )
    return updated(Config(name=name), known[name])


def leaves(config: Config | Mapping[str, Any]) -> dict[str, Any]:
    """Every value of a config (a dataclass, or the nested dictionaries of a config.json) by its dotted key."""
    parts = dataclasses.asdict(config) if isinstance(config, Config) else config
    found: dict[str, Any] = {}
    for key, value in parts.items():
        if isinstance(value, Mapping):
            found |= {f"{key}.{name}": leaf for name, leaf in leaves(value).items()}
        else:
            found[key] = value
    return found


def updated(config: Config, values: Mapping[str, object]) -> Config:
    """A config with some other values.

    Args:
        config: the config, which stays as it is.
        values: new values by dotted key, as in `{"batch_size": 32, "data.root": "photos"}`.

    Returns:
        The new config. Whether its values can work together is for `validate` to say.

    Raises:
        UserError: if a key is unknown (names the nearest), or a value is not of the key's type.
    """
    if kind := TASKS.get(str(values.get("task.kind", config.task.kind))):
        config = config if isinstance(config.task, kind) else dataclasses.replace(config, task=kind())
    known = leaves(config)
    for key in values:
        if key not in known:
            raise UserError(f"unknown config key {key}: the nearest known one is {nearest(key, known)}")
    return _replaced(config, "", values)


def stored(values: Mapping[str, Any]) -> Config:
    """The config of a run that this or an earlier version has stored, with today's defaults for younger keys.

    Args:
        values: the nested dictionaries of its config.json.

    Raises:
        UserError: as `updated`.
    """
    found = leaves(values)
    if (linear := found.pop("adam.linear_decay", None)) is not None:
        found["adam.schedule"] = "linear" if linear else "constant"
    return updated(default_config(), found)


def all_keys() -> list[str]:
    """Every key that some config has, by its dotted name."""
    return [*dict.fromkeys(key for kind in TASKS for key in leaves(updated(Config(), {"task.kind": kind})))]


def _replaced(part: Any, prefix: str, values: Mapping[str, object]) -> Any:
    """One dataclass of a config with the values that belong to it, and to the dataclasses in it."""
    changes: dict[str, object] = {}
    for name, hint in get_type_hints(type(part)).items():
        key, old = prefix + name, getattr(part, name)
        if dataclasses.is_dataclass(old):
            changes[name] = _replaced(old, f"{key}.", values)
        elif key in values:
            changes[name] = _checked_type(key, hint, values[key])
    return dataclasses.replace(part, **changes)


def _checked_type(key: str, hint: Any, value: object) -> object:
    wanted = str if get_origin(hint) is Literal else hint
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise UserError(f"config.{key}={value!r} is of type {type(value).__name__}, {wanted.__name__} is wanted")
    return value


def validate(config: Config, device_count: int) -> None:
    """Checks a configuration before anything is started.

    Args:
        config: the configuration.
        device_count: devices that the batch is split over.

    Raises:
        UserError: if a value cannot work; names the key, what was given and what was wanted.
    """
    _validate_choices(config)
    _validate_ranges(config)
    _validate_networks(config)
    _validate_sizes(config)
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
        raise UserError(f"config.data.aged={config.data.aged} is of colouring, and this config's task is translation")
    if config.objective.gan == "wgan-gp" and config.task.adversarial and config.discriminator.norm == "batch":
        raise UserError(
            "config.objective.gan=wgan-gp penalises the discriminator's gradient image by image, and batch norm mixes"
            " images: use a discriminator without it, such as --config.discriminator.network=patchgan"
            " --config.discriminator.norm=instance"
        )


def _validate_sizes(config: Config) -> None:
    size, preprocess = config.image_size, config.data.preprocess
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
