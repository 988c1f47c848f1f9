"""Finding the files of pairs, by the names of the folders that hold them."""

import logging
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_jax.data.sources.scan import existing_folder, find_images, warn_skipped
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import NUMPY

_logger = logging.getLogger(__name__)

_PHASES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

# A, B, A1, A2, ... and trainA, trainB, A_train, B_train, ...
_PHASE = "|".join(_PHASES)
_SIDE = re.compile(rf"(?:({_PHASE})[ _-]?)?([ab])(\d*)|([ab])(\d*)[ _-]?({_PHASE})", re.IGNORECASE)

_LAYOUTS = "see docs/pairs.md for the layouts"


@dataclass(frozen=True)
class Part:
    """The images of a phase.

    A slot is what one file of a pair holds: "A" or "B"; "A1", "A2", ... where several images are one side; or "AB".

    Attributes:
        root: the folder that the user gave.
        files: for each slot, its images: paths relative to `root`, with `/` between folders, by the path within the
            slot's folder without the extension.
        folders: for each slot, its folder relative to `root`; "" for `root` itself.
    """

    root: Path
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def add(self, slot: str, folder: str, name: str) -> None:
        """Adds an image; raises UserError if there is one that differs in the extension alone."""
        self.folders.setdefault(slot, folder)
        # Systems write an accent in two ways.
        stem = unicodedata.normalize("NFC", os.path.splitext(name)[0][len(folder) :].lstrip("/"))
        other = self.files.setdefault(slot, {}).setdefault(stem, name)
        if other != name:
            raise UserError(
                f"{self.root}: {other} and {name} are both {slot} of one pair, by their names without extension: remove"
                " one of them"
            )


def find_parts(root: str, flag: str, exclude: Path | None = None) -> dict[str, Part]:
    """Finds the images of each phase.

    Where folders are called as sides or phases are, images outside of them are not used; a warning names them.

    Returns:
        By phase: "train", "val", "test"; or "" alone where there are no phases. Nothing where there are no images.

    Raises:
        UserError: as `existing_folder`, or if phases are laid out in different ways, or two images of a folder differ
            in the extension alone.
    """
    folder = existing_folder(root, flag=flag)
    names, unread = find_images(folder, exclude, also=(NUMPY,))
    places = {name: _place(name) for name in names}
    warn_skipped(folder, unread)
    has_sides = any(slot for _, slot, _ in places.values())
    has_phases = any(phase for phase, slot, _ in places.values() if slot or not has_sides)
    parts: dict[str, Part] = {}
    unused: dict[str, str] = {}  # the phase of each image
    for name, (phase, slot, within) in places.items():
        if (bool(phase), bool(slot)) == (has_phases, has_sides):
            parts.setdefault(phase, Part(folder)).add(slot or "AB", within, name)
        else:
            unused[name] = phase
    if unused:
        used = listed(sorted({within for part in parts.values() for within in part.folders.values()}))
        if lost := [name for name, phase in unused.items() if phase not in ("", *parts)]:
            raise UserError(
                f"{flag}={root} holds {lost[0]} beside {used}: move away what is not of the pairs ({_LAYOUTS})"
            )
        _logger.warning("%s: %d images are not used: %s (used: %s)", root, len(unused), listed([*unused]), used)
    return parts


def _place(name: str) -> tuple[str, str, str]:
    """An image's phase and slot, each "" for none, and the folder whose name says so, at most two deep."""
    first, second, *_ = [*name.split("/")[:-1], "", ""]
    (phase, slot), (inner_phase, inner_slot) = meaning(first), meaning(second)
    one_of_each = bool(phase) != bool(slot) and (bool(phase), bool(slot)) == (bool(inner_slot), bool(inner_phase))
    if one_of_each:  # train/A or A/train
        return phase or inner_phase, slot or inner_slot, f"{first}/{second}"
    return phase, slot, first if phase or slot else ""


def meaning(folder: str) -> tuple[str, str]:
    """The phase ("train", "val", "test") and the slot (see `Part`) that a folder's name says, each "" for none."""
    if match := _SIDE.fullmatch(folder):
        phase, slot = match[1] or match[6] or "", (match[2] or match[4]) + (match[3] or match[5] or "")
        return _PHASES.get(phase.lower(), ""), slot.upper()
    return _PHASES.get(folder.lower(), ""), ""


def list_pairs(part: Part, sides: str = "AB") -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Finds the files of pairs.

    Returns:
        The slots of the sides wanted ("A", "B" or both), in order; and for each pair, by its name without extension and
        sorted by that, its files in the order of the slots.

    Raises:
        UserError: if a side has no images, a file has no partner, or folders that are taken for images of both sides
            look like something else.
    """
    if "AB" in part.files:
        _check_joined(part)
    for side in sides:
        if not any(side in slot for slot in part.files):
            there = listed(list(part.folders.values()))
            raise UserError(f"{part.root} holds {there} and no folder for {side} beside that ({_LAYOUTS})")
    ordered = sorted(part.files, key=lambda slot: (slot[0], int(slot[1:]) if slot[1:].isdigit() else 0))
    slots = tuple(slot for slot in ordered if slot[0] in sides)
    stems = sorted(set().union(*(part.files[slot] for slot in slots)))
    if alone := [stem for stem in stems if any(stem not in part.files[slot] for slot in slots)]:
        first = alone[0]
        there = next(part.files[slot][first] for slot in slots if first in part.files[slot])
        folder = next(part.folders[slot] for slot in slots if first not in part.files[slot])
        raise UserError(
            f"{part.root}: {there} has no partner in {folder}: wanted {folder}/{first}.*, in the same capital and small"
            f" letters (files without one: {len(alone)}; {_LAYOUTS})"
        )
    return slots, {stem: tuple(part.files[slot][stem] for slot in slots) for stem in stems}


def _check_joined(part: Part) -> None:
    """Makes sure that folders of other names do not hold the two sides, or phases, of pairs."""
    totals: Counter[str] = Counter()
    shared: Counter[tuple[str, str]] = Counter()
    first_with: dict[str, str] = {}  # by a file's name, the first folder that holds one
    for stem, name in part.files["AB"].items():
        folder, _, base = stem.rpartition("/")
        if known := next((inner for inner in folder.split("/") if meaning(inner) != ("", "")), None):
            raise UserError(f"{part.root} holds {name}: give the folder within it that holds {known} ({_LAYOUTS})")
        totals[folder] += 1
        if (first := first_with.setdefault(base, folder)) != folder:
            shared[first, folder] += 1
    for (first, second), count in shared.items():
        if 2 * count >= min(totals[first], totals[second]):
            raise UserError(
                f"{part.root} holds files of the same names in {first or '.'} and {second}: if they are the two sides"
                " of pairs, call the folders A and B; if each image holds both sides, give the files of one folder"
                f" other names ({_LAYOUTS})"
            )


def listed(names: Sequence[str], most: int = 6) -> str:
    """Some names, the first few where there are many."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
