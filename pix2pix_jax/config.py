"""The configuration of a run: every key with its default, the named experiments, and what is checked before a start."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pix2pix_jax.errors import UserError, nearest
from pix2pix_jax.networks import patchgan, unet
from pix2pix_jax.tasks import ColorizationTask


@dataclass(frozen=True)
class AdamConfig:
    """Adam's settings, the same for both networks."""

    learning_rate: float = 2e-4
    b1: float = 0.5
    b2: float = 0.999
    eps: float = 1e-8
    linear_decay: bool = False  # level for the first half, then linear to 0, as in the authors' PyTorch code


@dataclass(frozen=True)
class DataConfig:
    """Where the photographs come from, and how they become batches."""

    source: str = "stl10"  # stl10, tfds:NAME[/CONFIG], folder, or bundled (five photographs that scikit-image carries)
    root: str = ""  # folder: where the photographs are, searched recursively
    eval_root: str = ""  # folder: where held-out photographs are; without it, a fraction of root's
    split: str = ""  # stl10 and tfds: what to train on; empty for the set's own, such as "train"
    eval_split: str = ""  # stl10 and tfds: what to judge on; empty for the set's own, such as "test"
    tfds_dir: str = ""  # stl10 and tfds: where prepared sets are kept; empty for TFDS's own place
    eval_fraction: float = 0.05  # held-out fraction where nothing else is there to judge on
    resize: int = 112  # shorter side in pixels of larger photographs before the crop to image_size
    eval_images: int = 0  # held-out images to judge on; 0: all there are, up to 256
    cache: Literal["auto", "device", "host", "none"] = "auto"  # where decoded photographs are kept; auto: first to fit
    cache_dir: str = ""  # folder of decoded photographs; empty for ~/.cache/pix2pix_jax/decoded
    num_workers: int = 2  # processes that decode where nothing is kept, or threads that do so once


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
    warm_start: str = ""  # run, .safetensors file or "pretrained": the generator to begin with; empty: a random one
    ema_decay: float = 0.0  # of a moving average of G's weights, which then is what colours; 0: none
    saturation: float = 1.0  # factor of the made chroma when photographs are coloured; training does not use it
    sync_batch_norm: bool = True  # batch statistics over all devices rather than each device's own
    task: ColorizationTask = field(default_factory=ColorizationTask)
    adam: AdamConfig = field(default_factory=AdamConfig)
    data: DataConfig = field(default_factory=DataConfig)
    log_every_steps: int = 50  # a line of metrics.jsonl
    eval_every_steps: int = 500  # measures on the held-out images
    sample_every_steps: int = 500  # samples/step_*.png and curves.png
    checkpoint_every_steps: int = 500
    checkpoints_to_keep: int = 3


_MAKES_RGB: dict[str, object] = {"task.generator_makes": "rgb", "task.l1_rgb": 100.0, "task.l1_chroma": 0.0}

EXPERIMENTS: dict[str, dict[str, object]] = {
    # Chroma made, RGB judged: the best of the reference's experiments, and the default config.
    "ycrcb_rgb": {},
    # Chroma made, YCrCb judged: the reference reports a red and blue haze.
    "ycrcb_ycrcb": {"task.discriminator_sees": "ycrcb"},
    # RGB made, RGB and the grey input judged: the conditioning of the pix2pix paper.
    "rgb_rgb_gray": _MAKES_RGB | {"task.discriminator_sees_gray": True},
    # RGB made, RGB judged.
    "rgb_rgb": _MAKES_RGB,
    # Chroma made by a U-Net alone, without a discriminator: what the others are compared with.
    "ycrcb_l1": {"task.discriminator_sees": "none"},
}
"""What each experiment changes in the default config, by dotted key."""


def default_config() -> Config:
    """The reference's recipe for `ycrcb_rgb`; every experiment is a small difference from it."""
    return Config()


def experiment_config(name: str) -> Config:
    """The config of one of the five experiments.

    Args:
        name: one of `EXPERIMENTS`.

    Raises:
        UserError: if there is no experiment of that name; names the nearest.
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"there is no experiment {name}: did you mean {nearest(name, EXPERIMENTS)}?"
            f" (known: {', '.join(EXPERIMENTS)})"
        )
    return updated(Config(name=name), EXPERIMENTS[name])


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
    known = leaves(config)
    for key in values:
        if key not in known:
            raise UserError(f"unknown config key {key}: the nearest known one is {nearest(key, known)}")
    return _replaced(config, "", values)


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
    if not 0.0 <= config.ema_decay < 1.0:
        raise UserError(f"config.ema_decay={config.ema_decay} is not in [0, 1): use 0.999, or 0 for no average")
    if not 0.0 < config.saturation < math.inf:
        raise UserError(f"config.saturation={config.saturation} is not a positive number: use 1 for colours as made")
    _validate_sizes(config)
    _validate_steps(config)
    batch = config.batch_size
    if batch < device_count or batch % device_count:
        lower = max(batch // device_count * device_count, device_count)
        raise UserError(
            f"config.batch_size={batch} cannot be split over {device_count} devices:"
            f" use a multiple of {device_count}, such as {lower}"
        )


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


def _validate_sizes(config: Config) -> None:
    multiple = patchgan.SIZE_MULTIPLE if config.task.adversarial else unet.SIZE_MULTIPLE
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


def _validate_steps(config: Config) -> None:
    values = leaves(config)
    for key in ("log_every_steps", "eval_every_steps", "sample_every_steps", "checkpoint_every_steps"):
        if values[key] < 1:
            raise UserError(f"config.{key}={values[key]} is not a number of steps: use 1 or more")
    if config.checkpoints_to_keep < 1:
        raise UserError(f"config.checkpoints_to_keep={config.checkpoints_to_keep} would keep none: use 1 or more")
    if config.num_steps < 1 and config.num_epochs < 1:
        raise UserError(
            f"config.num_epochs={config.num_epochs} and config.num_steps={config.num_steps}"
            " leave nothing to do: set one of them to 1 or more"
        )
