"""From a config to the pairs to train on and those to judge by."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pix2pix_jax.config import Config
from pix2pix_jax.data.pairs.checks import SoundPairs, channels_of, check_fitted_sizes, common_depth, sound_pairs
from pix2pix_jax.data.pairs.index import index_of
from pix2pix_jax.data.pairs.layout import PairFiles, Part, find_parts, list_pairs
from pix2pix_jax.data.pairs.sizes import Preprocess
from pix2pix_jax.data.pairs.source import PairSource, Recipe, Slot
from pix2pix_jax.data.sources.folder import by_checksum, check_fraction, hold_out
from pix2pix_jax.data.sources.scan import warn_skipped
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import cache_home, typed_path
from pix2pix_jax.tasks import TranslationTask

_ROOT, _EVAL_ROOT = "--config.data.root", "--config.data.eval_root"


def open_pairs(config: Config) -> tuple[PairSource, PairSource]:
    """Opens the pairs of `data.root`, and those held out for judging.

    Judged on are the pairs in `data.eval_root`, or else those in the folder `val` (or `test`) of `data.root`, or else a
    fraction of all: those whose name without extension has the smallest CRC-32, as of photographs in a folder.

    Args:
        config: a config whose task is a `TranslationTask`.

    Returns:
        The source to train on, sorted by name, and the one to judge on.

    Raises:
        UserError: if a folder is missing, the files make no pairs, or the pairs are not what the config asks for.
    """
    data = config.data
    if not data.root:
        raise UserError(f"data.source=pairs needs the folder of pairs: give {_ROOT}=DIR")
    exclude = _within(data.eval_root, data.root)
    parts = find_parts(data.root, _ROOT, exclude)
    train_part = parts.get("train", parts.get(""))
    if train_part is None:
        raise UserError(f"{_ROOT}={data.root} holds {' and '.join(parts)}, and no train: add the pairs to train on")
    train = list_pairs(train_part, exclude)
    eval_part = _eval_part(data.eval_root, _EVAL_ROOT) if data.eval_root else parts.get("val", parts.get("test"))
    if eval_part is None:
        check_fraction(data.eval_fraction, "pairs")
        sound = _sound(train, f"{_ROOT}={data.root}", config)
        train_stems, eval_stems = hold_out(list(sound.files), data.eval_fraction, data.root, "pairs")
        recipe = _recipe(config, [sound])
        # What was skipped is told once, by the source that is trained on.
        return _source(sound, train_stems, recipe), _source(
            sound, eval_stems, _judging(recipe), held_out=True, told=False
        )
    held_out = list_pairs(eval_part)
    if data.eval_root:
        _check_apart(train, held_out)
    train_sound = _sound(train, f"{_ROOT}={data.root}", config)
    of_root = not data.eval_root
    given = f"{_ROOT}={data.root}" if of_root else f"{_EVAL_ROOT}={data.eval_root}"
    eval_sound = _sound(held_out, given, config, removable=of_root)
    recipe = _recipe(config, [train_sound, eval_sound])
    return (
        _source(train_sound, list(train_sound.files), recipe),
        _source(eval_sound, by_checksum(eval_sound.files), _judging(recipe), held_out=True),
    )


def open_pair_folder(config: Config, root: str, flag: str) -> PairSource:
    """Opens all pairs of a folder for judging, in the order of their checksums.

    Args:
        config: a config whose task is a `TranslationTask`.
        root: the folder; of phases, `val` is taken, or else `test`, or else all there is.
        flag: the flag that gave it, for messages.

    Raises:
        UserError: as `open_pairs`.
    """
    sound = _sound(list_pairs(_eval_part(root, flag)), f"{flag}={root}", config, removable=True)
    return _source(sound, by_checksum(sound.files), _judging(_recipe(config, [sound])))


def _within(folder: str, root: str) -> Path | None:
    """A folder, if one is given and it lies within another."""
    inner, outer = Path(folder).expanduser(), Path(root).expanduser()
    return inner if folder and outer.resolve() in inner.resolve().parents else None


def _eval_part(root: str, flag: str) -> Part:
    """The pairs of a folder that are there to be judged on."""
    parts = find_parts(root, flag)
    return next(parts[phase] for phase in ("val", "test", "", "train") if phase in parts)


def _sound(files: PairFiles, given: str, config: Config, *, removable: bool = False) -> SoundPairs:
    """The pairs whose files can be read.

    Args:
        files: the pairs.
        given: the flag and the folder that the user gave, for messages.
        config: the config.
        removable: whether a folder within that folder may be missing, for messages.
    """
    given_dir = config.data.cache_dir
    cache_dir = typed_path(given_dir, "data.cache_dir") if given_dir else cache_home() / "decoded"
    names = [name for names in files.files for name in names]
    pairs = sound_pairs(files, index_of(files.root, files.folders, names, cache_dir))
    warn_skipped(pairs.root, pairs.skipped)
    if not pairs.files:
        unreadable = f" (of {len(names)} image files, {len(pairs.skipped)} cannot be read)" if names else ""
        within = [folder for folder in files.folders if folder != "."]
        where = f"{given}: {' and '.join(within)} hold{'s' * (len(within) == 1)}" if within else f"{given} holds"
        remedy = f"put some there{', or remove it' * removable}" if within else "see docs/pairs.md for the layouts"
        raise UserError(f"{where} no pairs of images{unreadable}; {remedy}")
    return pairs


def _check_apart(train: PairFiles, held_out: PairFiles) -> None:
    """Makes sure that no pair is both trained on and judged on."""
    root = held_out.root.resolve()
    judged = {f"{root}/{name}" for names in held_out.files for name in names}
    root = train.root.resolve()
    for name in (name for names in train.files for name in names):
        if f"{root}/{name}" in judged:
            raise UserError(
                f"{_ROOT}={train.root} and {_EVAL_ROOT}={held_out.root} share {name}: what is judged on must not be"
                " trained on; give two folders"
            )


def _recipe(config: Config, sets: Sequence[SoundPairs]) -> Recipe:
    """How the pairs of some folders, all alike, are made of their files."""
    data, task = config.data, config.task
    assert isinstance(task, TranslationTask)
    if not data.float_min < data.float_max:
        raise UserError(
            f"config.data.float_min={data.float_min} is not less than config.data.float_max={data.float_max}:"
            " give the least and the greatest value of the images"
        )
    if len({pairs.slots for pairs in sets}) > 1:
        raise UserError(
            f"{sets[0].root} holds {', '.join(sets[0].slots)} and {sets[1].root} {', '.join(sets[1].slots)}: what is"
            " trained on and what is judged on must be laid out alike"
        )
    preprocess = Preprocess(data.preprocess, data.resize, config.image_size)
    preprocess.check()
    check_fitted_sizes(sets, preprocess)
    given, made = ("A", "B") if data.direction == "AtoB" else ("B", "A")
    slots: list[Slot] = []
    found: dict[str, object] = {}
    for side, key, interpolation in (
        (given, "task.input_channels", data.input_interpolation),
        (made, "task.output_channels", data.output_interpolation),
    ):
        wanted = task.input_channels if side == given else task.output_channels
        files = [number for number, slot in enumerate(sets[0].slots) if side in slot]
        half = "AB".index(side) if sets[0].joined else None
        split = channels_of(sets, side, wanted, key, task.input_parts if side == given else None)
        for file, channels in zip(files, split, strict=True):
            slots.append(Slot(file, half, channels, interpolation == "nearest"))
        if side == made and task.output_depth == "auto":
            found["task.output_depth"] = common_depth(sets, files)
        if side == given and len(split) > 1:
            found["task.input_split"] = "+".join(map(str, split))
    return Recipe(
        tuple(slots),
        common_depth(sets, range(len(sets[0].slots))),
        data.float_min,
        data.float_max,
        preprocess,
        found,
        label=f"{data.direction}_{data.preprocess}_{config.image_size}_{data.resize}",
    )


def _judging(recipe: Recipe) -> Recipe:
    return replace(recipe, preprocess=recipe.preprocess.for_judging())


def _source(
    pairs: SoundPairs, stems: Sequence[str], recipe: Recipe, *, held_out: bool = False, told: bool = True
) -> PairSource:
    """A source of some pairs; `told` says whether it answers for the files that were skipped."""
    return PairSource(
        pairs.root,
        [pairs.files[stem] for stem in stems],
        [pairs.sizes[stem] for stem in stems],
        [pairs.states[stem] for stem in stems],
        recipe,
        pairs.skipped if told else None,
        held_out=held_out,
    )
