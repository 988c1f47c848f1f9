"""Finding the files of pairs in the layouts that people have."""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_jax.data.pairs.arrays import NUMPY
from pix2pix_jax.data.pairs.twins import check_no_twins, stem_of
from pix2pix_jax.data.sources.scan import existing_folder, walk_images, warn_skipped
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)

_PHASES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

# A, B, A1, A2, ... and trainA, trainB, A_train, B_train, ...
_PHASE = "|".join(_PHASES)
_SIDE = re.compile(rf"(?:({_PHASE})[ _-]?)?([ab])(\d*)|([ab])(\d*)[ _-]?({_PHASE})", re.IGNORECASE)

_LAYOUTS = "see docs/pairs.md for the layouts"


@dataclass(frozen=True)
class Part:
    """The folders that hold the pairs of a phase.

    Attributes:
        root: the folder that the user gave.
        folders: by what each holds: "A" and "B"; "A1", "A2", ... where several images are one side of a pair; or "AB"
            alone, where one image holds both sides.
    """

    root: Path
    folders: dict[str, Path]


@dataclass(frozen=True)
class PairFiles:
    """The files of pairs.

    Attributes:
        root: the folder that the user gave.
        folders: where the files lie in it, in the order of `slots`.
        slots: what a pair's files are, in order; the keys of `Part.folders`.
        stems: what all files of a pair are called, without extension; sorted.
        files: for each pair, its files relative to `root`, with `/` between folders; in the order of `slots`.
    """

    root: Path
    folders: tuple[str, ...]
    slots: tuple[str, ...]
    stems: tuple[str, ...]
    files: tuple[tuple[str, ...], ...]


def find_parts(root: str, flag: str, exclude: Path | None = None) -> dict[str, Part]:
    """Finds where the pairs of each phase are.

    Args:
        root: the folder that the user gave.
        flag: the flag that gave it, for messages.
        exclude: a folder within it to leave out, if any.

    Returns:
        By phase: "train", "val", "test"; or "" alone where there are no phases.

    Raises:
        UserError: if there is no such folder, or it has none of the layouts, or two at once.
    """
    folder = existing_folder(root, flag=flag, holding="the pairs")
    found = _parts(folder, folder, f"{flag}={root}", exclude)
    return {phase: Part(folder, folders) for phase, folders in found.items()}


def _parts(root: Path, folder: Path, given: str, exclude: Path | None) -> dict[str, dict[str, Path]]:
    """The folders of each phase in a folder within `root`."""
    children, images = _children(folder)
    children = [child for child in children if exclude is None or child.resolve() != exclude.resolve()]
    sides = [child for child in children if side_of(child.name)]
    phases = _by_phase(children, given)
    of_phases = list(phases.values())
    named = [names for names in map(_names, (sides, of_phases)) if names]
    what = [f"the folder{'s' * (len(names) > 1)} {listed(names)}" for names in named]
    if images:
        what.append(f"{len(images)} image{'s' * (len(images) > 1)} ({listed(images)})")
    if len(what) > 1:
        where = "" if folder == root else f" in {folder.relative_to(root)}"
        raise UserError(
            f"{given} holds{where} {' and '.join(what)}: it is not clear which are the pairs; move the others away"
            f" ({_LAYOUTS})"
        )
    if sides or phases:
        _warn_unused(root, children, [*sides, *of_phases])
    if sides:
        return _sides(root, sides, given)
    if not phases:
        prefix = _prefix(root, folder)
        check_no_twins(walk_images(folder, exclude, also=(NUMPY,)), prefix, given, _is_known)
        return {"": {"AB": folder}}
    by_phase = {}
    for phase, child in phases.items():
        inner = _parts(root, child, given, exclude)
        if list(inner) != [""]:
            raise UserError(f"{given} holds phases within the phase {child.name}: {_LAYOUTS}")
        by_phase[phase] = inner[""]
    return by_phase


def side_of(name: str) -> tuple[str, str] | None:
    """What a folder is called by: its phase ("" for none) and what it holds, as in `Part.folders`; None for others."""
    if not (match := _SIDE.fullmatch(name)):
        return None
    phase, slot = match[1] or match[6] or "", (match[2] or match[4]) + (match[3] or match[5] or "")
    return _PHASES.get(phase.lower(), ""), slot.upper()


def phase_of(name: str) -> str | None:
    """The phase that a folder of this name holds; None for others."""
    return _PHASES.get(name.lower())


def _is_known(name: str) -> bool:
    return bool(side_of(name) or phase_of(name))


def _by_phase(folders: Sequence[Path], given: str) -> dict[str, Path]:
    """Those folders that are phases."""
    found: dict[str, Path] = {}
    for folder in folders:
        if phase := phase_of(folder.name):
            if other := found.get(phase):
                raise UserError(f"{given} holds both {other.name} and {folder.name}: remove one of them")
            found[phase] = folder
    return found


def _warn_unused(root: Path, folders: Sequence[Path], used: Sequence[Path]) -> None:
    """Names the folders with images that stand beside those that are used."""
    others = [folder for folder in folders if folder not in used and any(walk_images(folder, also=(NUMPY,)))]
    if others:
        names = [folder.relative_to(root).as_posix() for folder in others]
        _logger.warning("%s: not used: %s (used: %s)", root, listed(names), listed(_names(used)))


def _sides(root: Path, folders: Sequence[Path], given: str) -> dict[str, dict[str, Path]]:
    """Sorts folders such as A, B2, trainA by phase, and then by side."""
    found: dict[str, dict[str, Path]] = {}
    for folder in folders:
        side = side_of(folder.name)
        assert side
        phase, slot = side
        if other := found.setdefault(phase, {}).get(slot):
            raise UserError(f"{given} holds both {other.name} and {folder.name}: remove one of them")
        found[phase][slot] = folder
    for slots in found.values():
        _check_both_sides(slots, given)
    if "" in found and len(found) > 1:
        raise UserError(f"{given} holds {listed(_names(folders))}: keep either those with phases or those without")
    return _inner_phases(root, found[""], given) if "" in found else found


def _check_both_sides(slots: dict[str, Path], given: str) -> None:
    for side in ("A", "B"):
        of_side = [folder.name for slot, folder in slots.items() if slot[0] == side]
        if not of_side:
            slot, folder = next(iter(slots.items()))
            there = folder.name
            # At the beginning of A_train, at the end of trainA.
            at_end = there.upper().endswith(slot)
            missing = there[: -len(slot)] + side if at_end else side + there[len(slot) :]
            raise UserError(f"{given} holds {there} and no {missing}: add the folder {missing} ({_LAYOUTS})")
        if side in slots and len(of_side) > 1:
            raise UserError(f"{given} holds {listed(of_side)}: name the folders {side}1, {side}2, … or keep {side}")


def _inner_phases(root: Path, slots: dict[str, Path], given: str) -> dict[str, dict[str, Path]]:
    """The phases within the folders of the sides: A/train, B/train, ...; or no phases."""
    phases: dict[str, dict[str, Path]] = {}
    for slot, folder in slots.items():
        children = _children(folder)[0]
        inner = _by_phase(children, f"{given}: {folder.name}")
        for phase, child in inner.items():
            phases.setdefault(phase, {})[slot] = child
        if inner:
            _warn_unused(root, children, list(inner.values()))
    for folders in phases.values():
        for slot, folder in slots.items():
            if slot not in folders:
                there = next(iter(folders.values()))
                missing = f"{folder.name}/{there.name}"
                raise UserError(
                    f"{given} holds {there.parent.name}/{there.name} and no {missing}: add the folder {missing}"
                    f" ({_LAYOUTS})"
                )
    for folder in slots.values():
        if phases and (images := _children(folder)[1]):
            raise UserError(
                f"{given}: {folder.name} holds the folders {listed(list(phases))} and {len(images)} images"
                f" ({listed(images)}): move the images into one of the folders"
            )
    return phases or {"": slots}


def list_pairs(part: Part, exclude: Path | None = None) -> PairFiles:
    """Finds the files of pairs.

    Args:
        part: the folders.
        exclude: a folder in which images that hold both sides are left out, if any.

    Raises:
        UserError: if two files of a folder have one stem, or a file has no partner.
    """
    slots = sorted(part.folders, key=lambda slot: (slot[0], int(slot[1:]) if slot[1:].isdigit() else 0))
    found = {slot: _by_stem(part.root, part.folders[slot], exclude) for slot in slots}
    stems = set().union(*found.values())
    if any(len(names) < len(stems) for names in found.values()):
        raise _missing(part, found, stems)
    ordered = sorted(stems)
    files = tuple(tuple(found[slot][stem] for slot in found) for stem in ordered)
    folders = tuple(part.folders[slot].relative_to(part.root).as_posix() for slot in slots)
    return PairFiles(part.root, folders, tuple(found), tuple(ordered), files)


def _by_stem(root: Path, folder: Path, exclude: Path | None) -> dict[str, str]:
    """The images in a folder, by their path in it without the extension; each relative to `root`."""
    prefix = _prefix(root, folder)
    found: dict[str, str] = {}
    unread: dict[str, str] = {}
    for name in walk_images(folder, exclude, also=(NUMPY,), unread=unread):
        stem = stem_of(name)
        if other := found.get(stem):
            first, second = sorted((other, prefix + name))
            raise UserError(f"{root}: {first} and {second} have one name but for the extension: remove one of them")
        found[stem] = prefix + name
    warn_skipped(folder, unread)
    return found


def _missing(part: Part, found: dict[str, dict[str, str]], stems: set[str]) -> UserError:
    """Names the first file without a partner, and counts the others."""
    alone = sorted(stem for stem in stems if any(stem not in names for names in found.values()))
    first = alone[0]
    there = next(names[first] for names in found.values() if first in names)
    missing = next(slot for slot, names in found.items() if first not in names)
    folder = part.folders[missing].relative_to(part.root).as_posix()
    more = len(alone) - 1
    others = f", and {more} {'others have' if more > 1 else 'other has'} none" if more else ""
    by_case = next((name for stem, name in found[missing].items() if stem.casefold() == first.casefold()), None)
    hint = f"; {by_case} differs in capital letters: rename one" if by_case else ""
    return UserError(
        f"{part.root}: {there} has no partner in {folder}{others}: both files of a pair have the same name but for the"
        f" extension (wanted {folder}/{first}.*{hint})"
    )


def _prefix(root: Path, folder: Path) -> str:
    """What stands before the names of files in a folder, relative to `root`."""
    return "" if folder == root else f"{folder.relative_to(root).as_posix()}/"


def _children(folder: Path) -> tuple[list[Path], list[str]]:
    """The folders within a folder, and the names of the images in it, sorted; without what is hidden."""
    with os.scandir(folder) as entries:
        folders = sorted(Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    return folders, sorted(walk_images(folder, also=(NUMPY,), deep=False))


def _names(folders: Sequence[Path]) -> list[str]:
    return [folder.name for folder in folders]


def listed(names: Sequence[str], most: int = 6) -> str:
    """Some names, the first few where there are many."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
