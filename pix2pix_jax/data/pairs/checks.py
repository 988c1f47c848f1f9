"""What all pairs of a set must have in common, known from the files' headers before anything is decoded."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_jax.data.pairs.arrays import NUMPY
from pix2pix_jax.data.pairs.files import TIFF, Header, Kind
from pix2pix_jax.data.pairs.index import Index
from pix2pix_jax.data.pairs.layout import PairFiles
from pix2pix_jax.data.pairs.sizes import Preprocess
from pix2pix_jax.errors import UserError

_logger = logging.getLogger(__name__)

_DEPTHS = ("uint8", "uint16", "float32")
_DEPTH_WORDS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}


@dataclass(frozen=True)
class SoundPairs:
    """Pairs whose files all have a sound header.

    Attributes:
        root: the folder.
        slots: what a pair's files are, see `PairFiles`.
        files: by the pair's stem, its files relative to `root`.
        sizes: by the pair's stem, height and width of its images, px.
        kinds: for each slot, one file of every kind of image that is in it.
        states: by the pair's stem, what changes when one of its files does.
        skipped: the files that cannot be read, each with the reason.
    """

    root: Path
    slots: tuple[str, ...]
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    kinds: tuple[dict[Kind, str], ...] = ()
    states: dict[str, tuple[int, ...]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def joined(self) -> bool:
        """Whether one image holds both sides."""
        return self.slots == ("AB",)


def sound_pairs(pairs: PairFiles, index: Index) -> SoundPairs:
    """Leaves out pairs with a file that cannot be read, and checks the sizes of the others.

    Warns where one image is to hold both sides and is not wider than high.

    Args:
        pairs: the files.
        index: their headers.

    Raises:
        UserError: if the sizes of a pair's images differ.
    """
    sound = SoundPairs(pairs.root, pairs.slots, kinds=tuple({} for _ in pairs.slots))
    unequal: list[tuple[str, str]] = []
    for stem, files in zip(pairs.stems, pairs.files, strict=True):
        if unreadable := [file for file in files if file in index.unreadable]:
            sound.skipped.update((file, index.unreadable[file]) for file in unreadable)
            continue
        headers = [index.headers[file] for file in files]
        first = headers[0]
        for kinds, file, header in zip(sound.kinds, files, headers, strict=True):
            kinds.setdefault(header.kind, file)
            if header[:2] != first[:2]:
                unequal.append((f"{files[0]} is {_described(files[0], first)}", f"{file} {_described(file, header)}"))
        if sound.joined and first.width < 2:
            raise UserError(f"{pairs.root}: {files[0]} is {first.width} pixel wide: wanted two images side by side")
        sound.files[stem] = files
        sound.sizes[stem] = first.height, first.width // 2 if sound.joined else first.width
        sound.states[stem] = tuple(number for file in files for number in index.states[file])
    if unequal:
        more = len(unequal) - 1
        others = f" ({more} {'others differ' if more > 1 else 'other differs'} too)" if more else ""
        raise UserError(
            f"{pairs.root}: {' and '.join(unequal[0])}{others}: both images of a pair must be of one size; resize one"
        )
    if sound.joined:
        _warn_of_narrow(sound)
    return sound


def _warn_of_narrow(pairs: SoundPairs) -> None:
    """Names the first image that is to hold both sides and is not wider than high, and counts the others."""
    narrow = [stem for stem, (height, half) in pairs.sizes.items() if 2 * half <= height]
    if narrow:
        first, more = narrow[0], len(narrow) - 1
        height, half = pairs.sizes[first]
        others = f", as {more} other{'s are' if more > 1 else ' is'}" if more else ""
        _logger.warning(
            "%s is %s, not wider than high%s: it is taken as two images side by side, A on the left",
            pairs.root / pairs.files[first][0],
            _size((height, 2 * half)),
            others,
        )


def check_fitted_sizes(sets: Sequence[SoundPairs], preprocess: Preprocess) -> None:
    """Makes sure that crops can be cut from all images, or that all come out at one size.

    Args:
        sets: the pairs.
        preprocess: how they are brought to size.

    Raises:
        UserError: if an image is too small, or comes out at another size than the first.
    """
    examples: dict[tuple[int, int], Path] = {}  # one image of each size
    counts: Counter[tuple[int, int]] = Counter()
    for pairs in sets:
        for stem, size in pairs.sizes.items():
            counts[size] += 1
            if size not in examples:
                examples[size] = pairs.root / pairs.files[stem][0]
    fitted = {size: preprocess.size(*size) for size in examples}
    if preprocess.crops:
        side = preprocess.image_size
        small = [size for size in examples if min(fitted[size]) < side]
        if small:
            smallest, count = min(small, key=lambda size: min(fitted[size])), sum(counts[size] for size in small)
            others = f" (the smallest of {count} such pairs)" if count > 1 else ""
            raise UserError(
                f"{examples[smallest]}: its images are {_size(fitted[smallest])}, smaller than image_size={side}"
                f"{others}: leave {'those' if others else 'it'} out, or train with"
                " --config.data.preprocess=resize_and_crop or a smaller --config.image_size"
            )
        return
    first = next(iter(examples), None)
    for size, file in examples.items():
        if first and fitted[size] != fitted[first]:
            at = f" and data.resize={preprocess.resize}" if preprocess.way == "scale_width" else ""
            raise UserError(
                f"{file} comes out at {_size(fitted[size])} and {examples[first]} at {_size(fitted[first])}: with"
                f" data.preprocess={preprocess.way}{at} all must be of one size; bring them to one, or train with"
                " --config.data.preprocess=resize_and_crop"
            )


def common_depth(sets: Iterable[SoundPairs], slots: Iterable[int]) -> str:
    """The type that holds the values of all images in some slots: "uint8", "uint16" or "float32"."""
    depths = {kind.depth for pairs in sets for slot in slots for kind in pairs.kinds[slot]}
    return max(depths, key=_DEPTHS.index)


def channels_of(
    sets: Sequence[SoundPairs], side: str, wanted: int, key: str, known: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """How many channels each image of a side gives.

    One image gives what is wanted. Of several, each gives its own number (1 where all files are grey, 3 where 8-bit
    colours are among them), or each 1, or each 3, whichever comes to what is wanted.

    Args:
        sets: the pairs.
        side: "A" or "B".
        wanted: channels of the side in all.
        key: the config's key that says so.
        known: how many each gives, where that was settled before.

    Raises:
        UserError: if that cannot be; names a file that says why.
    """
    slots = [number for number, slot in enumerate(sets[0].slots) if side in slot]
    seen = [{kind: pairs.root / file for pairs in sets for kind, file in pairs.kinds[slot].items()} for slot in slots]
    natural = tuple(max(kind.natural for kind in kinds) for kinds in seen)
    choices = [(wanted,)] if len(slots) == 1 else [natural, (1,) * len(slots), (3,) * len(slots)]
    settled = known is not None and len(known) == len(slots)
    if known and settled:
        choices = [known]
    for choice in choices:
        if sum(choice) == wanted and all(_misfit(*of_slot) is None for of_slot in zip(seen, choice, strict=True)):
            return choice
    best = natural if sum(natural) == wanted and not settled else choices[0]
    for kinds, channels in zip(seen, best, strict=True):
        if misfit := _misfit(kinds, channels):
            kind, file = misfit
            has = f"{_count(kind.channels)} of {_DEPTH_WORDS[kind.depth]}{_axes(file.name, kind)}"
            asks, remedy = f"{key}={wanted}", f", or train with --config.{key}={wanted - channels + kind.natural}"
            if settled:
                asks, remedy = f"task.input_split={'+'.join(map(str, best))}", ""
            raise UserError(f"{file} has {has}, and config.{asks} wants {channels} here: save it otherwise{remedy}")
    parts = ", ".join(f"{sets[0].slots[slot]} {count}" for slot, count in zip(slots, natural, strict=True))
    raise UserError(
        f"the images of {side} have {sum(natural)} channels in all ({parts}; see {next(iter(seen[0].values()))}), and"
        f" config.{key}={wanted}: train with --config.{key}={sum(natural)}"
    )


def _misfit(kinds: dict[Kind, Path], channels: int) -> tuple[Kind, Path] | None:
    """A kind of image that cannot be had with so many channels, and its file."""
    return next(((kind, file) for kind, file in kinds.items() if not kind.can_give(channels)), None)


def _count(channels: int) -> str:
    return f"{channels} channel{'s' * (channels != 1)}"


def _described(file: str, header: Header) -> str:
    return _size(header[:2]) + _axes(file, header)


def _axes(file: str, kind: Kind | Header) -> str:
    """How the axes of an array are taken, where it has so many channels that they may be meant otherwise."""
    is_array = file.lower().endswith((NUMPY, *TIFF))
    return " (its axes taken as [height, width, channels])" if is_array and kind.channels > 4 else ""


def _size(size: tuple[int, ...]) -> str:
    """Height and width as people write them."""
    return f"{size[1]}×{size[0]} pixels"
