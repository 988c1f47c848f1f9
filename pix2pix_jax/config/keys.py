"""Every key of a run with its default, and how configs are read and changed."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_origin, get_type_hints

from pix2pix_jax.config.experiments import EXPERIMENTS, PRESETS
from pix2pix_jax.errors import UserError, did_you_mean
from pix2pix_jax.losses import ObjectiveConfig
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig
from pix2pix_jax.tasks import TASKS, AnyTask, ColorizationTask


@dataclass(frozen=True)
class AdamConfig:
    """Adam's settings, the same for both networks but for what has a key of the discriminator's own."""

    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 0.0  # 0: the same as the generator's
    b1: float = 0.5
    b2: float = 0.999
    discriminator_b1: float = 1.0  # 1: the same as the generator's
    discriminator_b2: float = 1.0  # 1: the same as the generator's
    eps: float = 1e-8
    schedule: Literal["constant", "linear", "cosine"] = "constant"  # of the learning rate, see `state.learning_rate`
    schedule_start: int = 0  # step at which the schedule begins; a lengthened run begins it anew with it
    schedule_end: int = 0  # step from which on the rate stays as it is there; 0: the end of the run


@dataclass(frozen=True)
class DataConfig:
    """Where the photographs or pairs come from, and how they become batches."""

    source: str = (
        "stl10"  # stl10, tfds:NAME[/CONFIG], folder, bundled; pairs, edges, blurred, masked (see docs/pairs.md)
    )
    root: str = ""  # folder and pairs: where the images are; edges, blurred, masked: photographs, empty for the bundled
    eval_root: str = ""  # as root, with held-out images; without it, a fraction of root's
    split: str = ""  # stl10 and tfds: what to train on; empty for the set's own, such as "train"
    eval_split: str = ""  # stl10 and tfds: what to evaluate on; empty for the set's own, such as "test"
    tfds_dir: str = ""  # stl10 and tfds: where prepared sets are kept; empty for TFDS's own place
    eval_fraction: float = 0.05  # held-out fraction where nothing else is there to evaluate on
    resize: int = 112  # shorter side, px, of larger photographs before the crop; follows image_size unless given
    eval_images: int = 0  # held-out images to evaluate on; 0: all there are, up to 256
    cache: Literal["auto", "device", "host", "none"] = "auto"  # where decoded photographs are kept; auto: first to fit
    cache_dir: str = ""  # folder of decoded photographs; empty for ~/.cache/pix2pix_jax/decoded
    num_workers: int = 2  # threads that decode: in every epoch with cache=none, once otherwise
    aged: float = 0.0  # colouring: share of the photographs that G sees as old prints, see `aging.aged`
    mirror: bool = True  # whether half of the images, drawn at random, change left and right
    # Pairs alone:
    direction: Literal["AtoB", "BtoA"] = "AtoB"  # which of the two is the input, and which the output
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
    seed: int = 0  # of the weights, of the order, crops and flips of the data, and of dropout and aging
    image_size: int = 96  # height and width in pixels of what the networks see; a multiple of 32
    batch_size: int = 512  # images a step, over all devices
    num_epochs: int = 200  # passes over the training images
    num_steps: int = 0  # steps in all; where above 0, it wins over num_epochs
    dtype: Literal["float32", "bfloat16"] = "float32"  # of the networks' computation; parameters are float32
    warm_start: str = ""  # generator to begin with: a run, a file, "pretrained" or "reference"; empty: a random one
    ema_decay: float = 0.0  # of a moving average of G's weights, which then is what colours; 0: none
    saturation: float = 1.0  # factor of the generated chroma when photographs are coloured; not used in training
    average_mirrored: bool = False  # mean of the colours of a photograph and of its mirror image; not in training
    coloring_side: int = 0  # shorter side, px, at which G colours; 0: larger photographs at data.resize, others as is
    sync_batch_norm: bool = True  # batch statistics over all devices rather than each device's own
    # What a trained G normalises by, its running averages or the statistics of the batch, and whether it keeps dropout.
    test_time: Literal["running", "running+dropout", "batch", "batch+dropout"] = "running"
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


def default_config() -> Config:
    """The reference's recipe for `ycrcb_rgb`; every experiment is a small difference from it."""
    return Config()


def experiment_config(name: str) -> Config:
    """The config of one of the named experiments.

    Args:
        name: one of `EXPERIMENTS`, the reference's five, or of `PRESETS`.

    Raises:
        UserError: if there is no experiment of that name.
    """
    known = EXPERIMENTS | PRESETS
    if name not in known:
        raise UserError(f"there is no experiment {name}: choose one of {', '.join(known)}{did_you_mean(name, known)}")
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
        The new config. Another `image_size` without `data.resize` changes that in proportion. Whether the values can
        work together is for `validate` to say.

    Raises:
        UserError: if a key is unknown, or a value is not of the key's type.
    """
    name = _checked_type("task.kind", str, values.get("task.kind", config.task.kind))
    if (kind := TASKS.get(name)) is None:
        raise UserError(
            f"config.task.kind={name} is not known: choose one of {', '.join(TASKS)}{did_you_mean(name, TASKS)}"
        )
    config = config if isinstance(config.task, kind) else dataclasses.replace(config, task=kind())
    known = leaves(config)
    for key in values:
        if key not in known:
            raise UserError(f"unknown config key {key}{did_you_mean(key, known)}")
    new = _replaced(config, "", values)
    if new.image_size == config.image_size or "data.resize" in values:
        return new
    resize = round(config.data.resize * new.image_size / config.image_size)
    return dataclasses.replace(new, data=dataclasses.replace(new.data, resize=resize))


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


def _checked_type(key: str, hint: Any, value: object) -> Any:
    wanted = str if get_origin(hint) is Literal else hint
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        raise UserError(f"config.{key}={value!r} is of type {type(value).__name__}, {wanted.__name__} is wanted")
    return value
