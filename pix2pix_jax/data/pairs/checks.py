"""What all pairs of a set must have in common, known from the files' headers before anything is decoded."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_jax.data.pairs.layout import Part, list_pairs
from pix2pix_jax.data.pairs.sizes import Preprocess
from pix2pix_jax.data.sources.scan import read_each
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import Header, Kind, read_header

_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}


@dataclass(frozen=True)
class SoundPairs:
    """Pairs whose files all have a sound header.

    Attributes:
        root: the folder.
        slots: what a pair's files are, see `Part`.
        files: for each pair, by its name without extension, its files relative to `root`.
        headers: for each pair, those of its files.
        skipped: the files that cannot be read, each with the reason.
    """

    root: Path
    slots: tuple[str, ...]
    files: dict[str, tuple[str, ...]]
    headers: dict[str, tuple[Header, ...]]
    skipped: dict[str, str]

    @property
    def joined(self) -> bool:
        """Whether one image holds both sides."""
        return self.slots == ("AB",)

    def size(self, stem: str) -> tuple[int, int]:
        """Height and width of the images of a pair, px."""
        height, width, _ = self.headers[stem][0]
        return height, width // 2 if self.joined else width

    def kinds(self, slot: int) -> dict[Kind, Path]:
        """The kinds of images in a slot, each with the first file of it."""
        headers = reversed(self.headers.items())
        return {of_pair[slot].kind: self.root / self.files[stem][slot] for stem, of_pair in headers}


def sound_pairs(part: Part) -> SoundPairs:
    """Reads the headers of all pairs' files, and leaves out pairs with one that cannot be read.

    Raises:
        UserError: if they make no pairs (see `list_pairs`), the sizes of a pair's images differ, or the values of
            an image are of a kind that is not read.
    """
    slots, pairs = list_pairs(part)
    names = [name for files in pairs.values() for name in files]
    found = dict(zip(names, read_each(read_header, part.root, names), strict=True))
    skipped = {name: reason for name, reason in found.items() if isinstance(reason, str)}
    sound = {name: header for name, header in found.items() if not isinstance(header, str)}
    files = {stem: of_pair for stem, of_pair in pairs.items() if skipped.keys().isdisjoint(of_pair)}
    headers = {stem: tuple(sound[name] for name in of_pair) for stem, of_pair in files.items()}
    for stem, of_pair in headers.items():
        if len({header[:2] for header in of_pair}) > 1:
            described = (
                f"{file} is {_size(header[:2])} of {_channels(header.kind)}"
                for file, header in zip(files[stem], of_pair, strict=True)
            )
            raise UserError(f"{part.root}: {' and '.join(described)}: both images of a pair must be of one size")
    return SoundPairs(part.root, slots, files, headers, skipped)


def check_fitted_sizes(sets: Sequence[SoundPairs], preprocess: Preprocess) -> None:
    """Raises UserError if an image is too small for a crop, or if nothing is cropped and sizes differ."""
    examples: dict[tuple[int, int], Path] = {}  # one image of each size
    for pairs in sets:
        for stem, files in pairs.files.items():
            examples.setdefault(preprocess.size(*pairs.size(stem)), pairs.root / files[0])
    remedy = "train with --config.data.preprocess=resize_and_crop"
    smallest, side = min(examples, key=min), preprocess.image_size
    if preprocess.crops and min(smallest) < side:
        raise UserError(
            f"{examples[smallest]}: its images are {_size(smallest)}, smaller than image_size={side}: leave out what is"
            f" smaller, use a smaller --config.image_size, or {remedy}"
        )
    if not preprocess.crops and len(examples) > 1:
        first, other, *_ = examples
        raise UserError(
            f"{examples[other]} comes out at {_size(other)} and {examples[first]} at {_size(first)}: with"
            f" data.preprocess={preprocess.way} all must be of one size; bring them to one, or {remedy}"
        )


def common_depth(sets: Iterable[SoundPairs], slots: Iterable[int]) -> str:
    """The type that holds the values of all images in some slots: "uint8", "uint16" or "float32"."""
    depths = {kind.depth for pairs in sets for slot in slots for kind in pairs.kinds(slot)}
    return max(depths, key=[*_DEPTHS].index)


def channels_of(
    sets: Sequence[SoundPairs], side: str, wanted: int, key: str, known: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """How many channels each image of a side ("A" or "B") gives; see `split_channels`.

    Raises:
        UserError: if they cannot give as many as the config's key `key` wants; names files that say why.
    """
    slots = [number for number, slot in enumerate(sets[0].slots) if side in slot]
    seen = [{kind: file for pairs in sets for kind, file in pairs.kinds(slot).items()} for slot in slots]
    if split := split_channels(seen, wanted, known):
        return split
    even = wanted // len(seen)
    examples = [next((kind for kind in kinds if not kind.can_give(even)), next(iter(kinds))) for kinds in seen]
    parts = ", ".join(f"{kinds[kind]} has {_channels(kind)}" for kinds, kind in zip(seen, examples, strict=True))
    split = f" (task.input_split={'+'.join(map(str, known))})" if known and len(seen) > 1 else ""
    raise UserError(
        f"{parts}, and config.{key}={wanted}{split}: save the images otherwise, or train with"
        f" --config.{key}={sum(kind.natural for kind in examples)}"
    )


def split_channels(
    kinds: Sequence[Collection[Kind]], wanted: int, known: tuple[int, ...] | None = None
) -> tuple[int, ...] | None:
    """How many of the channels `wanted` in all each of several images gives, or None if they cannot give as many.

    Each gives its own number (1 where all files are grey, 3 where 8-bit colours are among them), or else all the same;
    or what is `known` from an earlier time. `kinds` are those of each image's files.
    """
    choices = [
        tuple(max(kind.natural for kind in of_image) for of_image in kinds),
        (wanted // len(kinds),) * len(kinds),
    ]
    for choice in [known] if known and len(known) == len(kinds) else choices:
        fits = (kind.can_give(count) for of_image, count in zip(kinds, choice, strict=True) for kind in of_image)
        if sum(choice) == wanted and all(fits):
            return choice
    return None


def _channels(kind: Kind) -> str:
    return f"{kind.channels} channel{'s' * (kind.channels != 1)} of {_DEPTHS[kind.depth]}"


def _size(size: tuple[int, ...]) -> str:
    """Height and width as people write them."""
    return f"{size[1]}×{size[0]} pixels"
