"""Pairs in files as a source."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2pix_jax.color import as_stored
from pix2pix_jax.data.pairs.checks import SoundPairs
from pix2pix_jax.data.pairs.sizes import Preprocess, resized
from pix2pix_jax.data.sources.files import FileSource, state_of
from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.photos import Pixels, read_pixels, to_channels


@dataclass(frozen=True)
class Slot:
    """One image of a pair.

    Attributes:
        file: which of the pair's files holds it.
        half: 0 for the left half of that file, 1 for the right one, None for the whole.
        channels: how many it gives to the pair.
        nearest: whether it is resized without new values; with one channel, a palette's indices then are kept.
    """

    file: int
    half: int | None
    channels: int
    nearest: bool


@dataclass(frozen=True)
class Recipe:
    """How a pair is made of its files.

    Attributes:
        slots: the input images, then the output images.
        dtype: "uint8", "uint16" or "float32", of all pairs.
        float_min: the value that becomes 0 where an image holds floating point.
        float_max: the value that becomes 1 there.
        preprocess: how the images are brought to size.
        found: values of the config's keys that are "auto", by dotted key.
        label: what tells apart pairs made of the same files in another way; part of a file's name.
    """

    slots: tuple[Slot, ...]
    dtype: str
    float_min: float
    float_max: float
    preprocess: Preprocess
    found: Mapping[str, object]
    label: str

    def for_evaluation(self) -> "Recipe":
        """How held-out pairs are made; see `Preprocess.for_evaluation`."""
        return replace(self, preprocess=self.preprocess.for_evaluation())


class PairSource(FileSource):
    """Pairs in files, decoded and brought to size when they are asked for; see `SizedSource` and `FileSource`.

    Attributes:
        files: of each pair, the path of its first file.
        remark: what is to be said of the files beside their number; "" for nothing.
    """

    def __init__(self, pairs: SoundPairs, stems: Sequence[str], recipe: Recipe) -> None:
        """Makes a source of those of a folder's pairs that `stems` names, in that order."""
        self._pair_files = tuple(pairs.files[stem] for stem in stems)
        super().__init__(pairs.root, [names[0] for names in self._pair_files], pairs.skipped)
        self._sizes = [pairs.size(stem) for stem in stems]
        self._recipe = recipe
        self.remark = "each A|B side by side" if pairs.joined else ""
        self.channels = sum(slot.channels for slot in recipe.slots)
        self.dtype = np.dtype(recipe.dtype)
        self.found = recipe.found
        preprocess = recipe.preprocess
        fitted = {preprocess.size(*size) for size in self._sizes}
        side = preprocess.image_size
        self.crop = (side, side) if preprocess.crops else max(fitted)
        self.max_values = self.channels * max(height * width for height, width in fitted)

    @property
    def name(self) -> str:
        """The folder's name, a checksum of where it lies, and how the pairs are made of the files."""
        return f"{super().name}_{self._recipe.label}"

    def fingerprint(self) -> str:
        """From how pairs are made, and the files' names, sizes and times; see `ImageSource`."""
        states = [[state_of(self.root / file) for file in files] for files in self._pair_files]
        return _digest((self._recipe, self._pair_files, states))

    def identity(self) -> str:
        """From the files' names and sizes; see `ImageSource`."""
        sizes = [tuple(state_of(self.root / file)[0] for file in files) for files in self._pair_files]
        return _digest((self._pair_files, sizes))

    def _read(self, index: int) -> NDArray[Any]:
        files, recipe, size = self._pair_files[index], self._recipe, self._sizes[index]
        fitted = recipe.preprocess.size(*size)
        decoded = [self._decode(file) for file in files]
        parts = []
        for slot in recipe.slots:
            values = to_channels(decoded[slot.file], slot.channels, indices=slot.nearest)
            if slot.half is not None:  # of an odd width, the last column is left out
                half = values.shape[1] // 2
                values = values[:, slot.half * half : (slot.half + 1) * half]
            if values.shape[:2] != size:
                raise ValueError(f"{files[slot.file]} has another size than when the folder was searched")
            parts.append(resized(self._scaled(values, files[slot.file]), fitted, nearest=slot.nearest))
        return np.concatenate(parts, axis=-1)

    def _decode(self, file: str) -> Pixels:
        """The pixels of one of a pair's files, which an error names: the pair goes by the name of its first."""
        try:
            return read_pixels(self.root / file)
        except UserError:
            raise
        except Exception as error:  # Pillow's plugins do not agree on a type
            raise ValueError(f"{file}: {describe_failure(error)}") from error

    def _scaled(self, values: NDArray[Any], file: str) -> NDArray[Any]:
        """Values of 8 or 16 bits or floating point, as the type of all pairs."""
        if values.dtype != np.float32:
            return as_stored(values, self.dtype)
        low, high = self._recipe.float_min, self._recipe.float_max
        lowest, highest = float(values.min()), float(values.max())
        if not (low <= lowest and highest <= high):  # NaN compares as False
            raise UserError(
                f"{self.root / file} holds {lowest:g} to {highest:g}, and not values from data.float_min={low:g} to"
                f" data.float_max={high:g} alone: mend it, or give --config.data.float_min and --config.data.float_max"
            )
        return ((values.astype(np.float64) - low) / (high - low)).astype(np.float32)


def _digest(content: object) -> str:
    return hashlib.sha256(repr(content).encode(errors="surrogateescape")).hexdigest()
