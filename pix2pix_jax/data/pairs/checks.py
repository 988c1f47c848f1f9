"""What all pairs of a set must have in common, known from the files' headers before anything is decoded."""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_jax.data.pairs.layout import Part, list_pairs
from pix2pix_jax.data.pairs.sizes import Preprocess
from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import Header, Kind, read_header

_logger = logging.getLogger(__name__)

_DEPTHS = {"uint8": "8 bits", "uint16": "16 bits", "float32": "floating point"}

# As in `scan`: two threads hide the waiting for the disk, more get into each other's way.
_THREADS = 2


@dataclass(frozen=True)
class SoundPairs:
    """Pairs whose files all have a sound header.

    Attributes:
        root: the folder.
        slots: what a pair's files are, see `Part`.
        files: for each pair, by its name without extension, its files relative to `root`.
        sizes: for each pair, height and width of its images, px.
        kinds: for each slot, one file of every kind of image that is in it.
        skipped: the files that cannot be read, each with the reason.
    """

    root: Path
    slots: tuple[str, ...]
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    kinds: tuple[dict[Kind, str], ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def joined(self) -> bool:
        """Whether one image holds both sides."""
        return self.slots == ("AB",)


def sound_pairs(part: Part) -> SoundPairs:
    """Reads the headers of all pairs' files, and leaves out pairs with one that cannot be read.

    Warns where one image is to hold both sides and is not wider than high.

    Args:
        part: the images.

    Raises:
        UserError: if they make no pairs (see `list_pairs`), the sizes of a pair's images differ, or the values of
            an image are of a kind that is not read.
    """
    slots, pairs = list_pairs(part)
    sound = SoundPairs(part.root, slots, kinds=tuple({} for _ in slots))
    unequal: list[str] = []
    narrow: list[str] = []
    with ThreadPoolExecutor(_THREADS) as pool:
        read = pool.map(lambda files: [_header(part.root / file) for file in files], pairs.values())
        for (stem, files), found in zip(pairs.items(), read, strict=True):
            headers = [header for header in found if not isinstance(header, str)]
            if len(headers) < len(files):
                sound.skipped.update(
                    {file: why for file, why in zip(files, found, strict=True) if isinstance(why, str)}
                )
                continue
            if len({header[:2] for header in headers}) > 1:
                unequal.append(" and ".join(map(_described, files, headers)))
            for kinds, file, header in zip(sound.kinds, files, headers, strict=True):
                kinds.setdefault(header.kind, file)
            height, width, *_ = headers[0]
            if sound.joined and width <= height:
                narrow.append(_described(files[0], headers[0]))
            if sound.joined and width < 2:
                raise UserError(f"{part.root}: {narrow[-1]}: wanted two images side by side")
            sound.files[stem] = files
            sound.sizes[stem] = height, width // 2 if sound.joined else width
    if unequal:
        raise UserError(
            f"{part.root}: {unequal[0]}: both images of a pair must be of one size (such pairs: {len(unequal)})"
        )
    if narrow:
        _logger.warning(
            "%s: %s, not wider than high (%d such images): taken as two images side by side, A on the left",
            part.root,
            narrow[0],
            len(narrow),
        )
    return sound


def _header(path: Path) -> Header | str:
    """A file's header, or why it cannot be read."""
    try:
        return read_header(path)
    except UserError:
        raise
    except Exception as error:  # Pillow's plugins do not agree on a type
        return describe_failure(error)


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
            fitted = preprocess.size(*size)
            counts[fitted] += 1
            examples.setdefault(fitted, pairs.root / pairs.files[stem][0])
    remedy = "train with --config.data.preprocess=resize_and_crop"
    if preprocess.crops:
        side = preprocess.image_size
        if small := [size for size in examples if min(size) < side]:
            smallest = min(small, key=min)
            raise UserError(
                f"{examples[smallest]}: its images are {_size(smallest)}, smaller than image_size={side} (such"
                f" pairs: {sum(counts[size] for size in small)}): leave them out, use a smaller"
                f" --config.image_size, or {remedy}"
            )
    elif len(examples) > 1:
        (common, _), *_, (rare, _) = counts.most_common()
        raise UserError(
            f"{examples[rare]} comes out at {_size(rare)} and {examples[common]} at {_size(common)}: with"
            f" data.preprocess={preprocess.way} all must be of one size; bring them to one, or {remedy}"
        )


def common_depth(sets: Iterable[SoundPairs], slots: Iterable[int]) -> str:
    """The type that holds the values of all images in some slots: "uint8", "uint16" or "float32"."""
    depths = {kind.depth for pairs in sets for slot in slots for kind in pairs.kinds[slot]}
    return max(depths, key=[*_DEPTHS].index)


def channels_of(
    sets: Sequence[SoundPairs], side: str, wanted: int, key: str, known: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    """How many channels each image of a side gives, see `split_channels`.

    Args:
        sets: the pairs.
        side: "A" or "B".
        wanted: channels of the side in all.
        key: the config's key that says so.
        known: how many each gives, where that was settled before.

    Raises:
        UserError: if that cannot be; names a file of each image that says why.
    """
    slots = [number for number, slot in enumerate(sets[0].slots) if side in slot]
    seen = [{kind: pairs.root / file for pairs in sets for kind, file in pairs.kinds[slot].items()} for slot in slots]
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
    """How many channels each of several images gives, where they are joined.

    Each gives its own number (1 where all files are grey, 3 where 8-bit colours are among them), or else all the same.

    Args:
        kinds: of each image, the kinds of its files.
        wanted: channels in all.
        known: how many each gives, where that was settled before.

    Returns:
        None if the files cannot give as many.
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


def _described(file: str, header: Header) -> str:
    many = f" of {_channels(header.kind)}" if header.kind.channels > 4 else ""  # as of an array with its axes otherwise
    return f"{file} is {_size(header[:2])}{many}"


def _size(size: tuple[int, ...]) -> str:
    """Height and width as people write them."""
    return f"{size[1]}×{size[0]} pixels"
