"""From a config to the pairs to train on and those to evaluate on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pix2pix_jax.config import Config
from pix2pix_jax.data.pairs.checks import SoundPairs, channels_of, check_fitted_sizes, common_depth, sound_pairs
from pix2pix_jax.data.pairs.layout import Part, find_parts, listed
from pix2pix_jax.data.pairs.made import MADE, MadeSource
from pix2pix_jax.data.pairs.sizes import Preprocess
from pix2pix_jax.data.pairs.source import PairSource, Recipe, Slot
from pix2pix_jax.data.sources.folder import by_checksum, hold_out, open_folder
from pix2pix_jax.data.sources.scan import warn_skipped
from pix2pix_jax.errors import UsageError, UserError
from pix2pix_jax.tasks import TranslationTask

_ROOT, _EVAL_ROOT = "--config.data.root", "--config.data.eval_root"


def open_pairs(config: Config) -> tuple[PairSource, PairSource]:
    """Opens the pairs of `data.root`, sorted by name, and those held out for evaluation.

    Held out are the pairs in `data.eval_root`, or else those in the folder `val` (or `test`) of `data.root`, or else a
    fraction of all, see `hold_out`.

    Raises:
        UserError: if a folder is missing, the files make no pairs, or the pairs are not what the config asks for.
    """
    data = config.data
    if not data.root:
        raise UsageError(f"data.source=pairs needs the folder of pairs: give {_ROOT}=DIR")
    parts = find_parts(data.root, _ROOT, Path(data.eval_root).expanduser() if data.eval_root else None)
    if parts and "train" not in parts and "" not in parts:
        raise UserError(f"{_ROOT}={data.root} holds {' and '.join(parts)}, and no train: add the pairs to train on")
    train = _sound(parts.get("train", parts.get("")), f"{_ROOT}={data.root}")
    stems = list(train.files)
    if data.eval_root:
        held_out = _sound(_eval_part(find_parts(data.eval_root, _EVAL_ROOT)), f"{_EVAL_ROOT}={data.eval_root}")
        if shared := _first_files(train) & _first_files(held_out):
            raise UserError(
                f"{_ROOT}={data.root} and {_EVAL_ROOT}={data.eval_root} share {min(shared)}: the two must have no image"
                " in common; give two folders"
            )
        eval_stems = by_checksum(held_out.files)
    elif "val" in parts or "test" in parts:
        held_out = _sound(_eval_part(parts), f"{_ROOT}={data.root}")
        eval_stems = by_checksum(held_out.files)
    else:
        held_out = replace(train, skipped={})  # told once, by the source that is trained on
        stems, eval_stems = hold_out(stems, data.eval_fraction, data.root, "pairs")
    recipe = _recipe(config, [train] if held_out.files is train.files else [train, held_out])
    return PairSource(train, stems, recipe), PairSource(held_out, eval_stems, recipe.for_evaluation())


def open_pair_folder(config: Config, root: str, flag: str) -> PairSource | MadeSource:
    """Opens all pairs of a folder, or all photographs as pairs, for evaluation, in the order of their checksums.

    Of phases, `val` is taken, or else `test`, or else all there is. Raises UserError as `open_pairs` and `open_folder`.
    """
    if config.data.source in MADE:
        photographs = open_folder(root, flag, shorter_side=config.data.resize)
        return MadeSource(photographs, config.data, config.image_size)
    pairs = _sound(_eval_part(find_parts(root, flag)), f"{flag}={root}")
    return PairSource(pairs, by_checksum(pairs.files), _recipe(config, [pairs]).for_evaluation())


def _first_files(pairs: SoundPairs) -> set[Path]:
    return {pairs.root.resolve() / name for name, *_ in pairs.files.values()}


def _eval_part(parts: Mapping[str, Part]) -> Part | None:
    """Those of a folder's images that are there to be evaluated on."""
    return next((parts[phase] for phase in ("val", "test", "", "train") if phase in parts), None)


def _sound(part: Part | None, given: str) -> SoundPairs:
    """The pairs whose files can be read; `given` is the flag and the folder that the user gave."""
    if part is None:
        raise UserError(f"{given} holds no images; see docs/pairs.md for the layouts of pairs")
    pairs = sound_pairs(part)
    warn_skipped(pairs.root, pairs.skipped)
    if not pairs.files:
        where = listed(list(pairs.skipped))
        raise UserError(f"{given} holds no pairs whose images can be read (unreadable: {where}): mend or replace them")
    return pairs


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
            " trained on and what is evaluated on must be laid out alike"
        )
    preprocess = Preprocess(data.preprocess, data.resize, config.image_size)
    check_fitted_sizes(sets, preprocess)
    inputs, outputs = ("A", "B") if data.direction == "AtoB" else ("B", "A")
    slots: list[Slot] = []
    found: dict[str, object] = {}
    if sets[0].joined:
        found["task.joined_aspect"] = min(2 * width / height for height, width in map(sets[0].size, sets[0].files))
    for side, key, interpolation in (
        (inputs, "task.input_channels", data.input_interpolation),
        (outputs, "task.output_channels", data.output_interpolation),
    ):
        wanted = task.input_channels if side == inputs else task.output_channels
        files = [number for number, slot in enumerate(sets[0].slots) if side in slot]
        half = "AB".index(side) if sets[0].joined else None
        split = channels_of(sets, side, wanted, key, task.input_parts if side == inputs else None)
        for file, channels in zip(files, split, strict=True):
            slots.append(Slot(file, half, channels, interpolation == "nearest"))
        if side == outputs and task.output_depth == "auto":
            found["task.output_depth"] = common_depth(sets, files)
        if side == inputs and len(split) > 1:
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
