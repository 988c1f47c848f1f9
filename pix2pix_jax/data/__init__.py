"""Photographs and pairs of images: where they come from, and how they become batches."""

from pathlib import Path

from pix2pix_jax.config import Config
from pix2pix_jax.data.eval_images import load_eval_images, load_named_crops, load_named_squares
from pix2pix_jax.data.loader import Loader
from pix2pix_jax.data.pairs import MADE, PairSource, open_made, open_pair_folder, open_pairs
from pix2pix_jax.data.sources import (
    FolderSource,
    ImageSource,
    SizedSource,
    open_bundled,
    open_folder,
    open_folders,
    open_tfds,
)
from pix2pix_jax.data.sources.files import state_of
from pix2pix_jax.errors import UsageError, UserError, did_you_mean

__all__ = [
    "FolderSource",
    "ImageSource",
    "Loader",
    "PairSource",
    "SizedSource",
    "load_eval_images",
    "load_named_crops",
    "load_named_squares",
    "make_sources",
    "number_trained_on",
    "open_folder",
    "open_pair_folder",
]

_GIVES_PAIRS = ("pairs", *MADE)
_SOURCES = ("stl10", "tfds:NAME", "folder", "bundled", *_GIVES_PAIRS)


def make_sources(config: Config) -> tuple[ImageSource, ImageSource]:
    """Opens the photographs or pairs that a config names.

    Returns:
        The images to train on, and others that are never trained on, to evaluate on: photographs, or for a
        `TranslationTask` pairs, which are `SizedSource`s.

    Raises:
        UserError: if the config's values do not go together, or there are no images where it points.
    """
    data = config.data
    kind, _, dataset = ("tfds:stl10" if data.source == "stl10" else data.source).partition(":")
    if kind not in ("tfds", "folder", "bundled", *_GIVES_PAIRS) or bool(dataset) != (kind == "tfds"):
        near = did_you_mean(data.source, _SOURCES)
        raise UserError(f"data.source={data.source} is not known: choose one of {', '.join(_SOURCES)}{near}")
    if (kind in _GIVES_PAIRS) != (config.task.kind == "translation"):
        gives = "pairs" if kind in _GIVES_PAIRS else "photographs"
        raise UserError(
            f"data.source={data.source} gives {gives}, and the task is {config.task.kind}: to translate pairs, give"
            " --config=configs/pix2pix.py --config.data.root=DIR; to colour photographs, --config=configs/ycrcb_rgb.py"
        )
    if kind == "pairs":
        return open_pairs(config)
    if kind in MADE:
        return open_made(config)
    if kind == "bundled":
        return open_bundled()
    if kind == "tfds":
        return open_tfds(dataset, data.split, data.eval_split, data.eval_fraction, tfds_dir=data.tfds_dir)
    if not data.root:
        raise UsageError("data.source=folder needs the folder of photographs: give --config.data.root=DIR")
    return open_folders(data.root, data.eval_root, data.eval_fraction, shorter_side=data.resize)


def number_trained_on(config: Config, source: ImageSource) -> int:
    """How many of a source's files a run was trained on, by their names and sizes; 0 where its own are gone."""
    if not config.data.root:
        return 0
    try:
        known = set(_names_and_sizes(make_sources(config)[0]))
    except UserError:
        return 0
    return sum(file in known for file in _names_and_sizes(source))


def _names_and_sizes(source: ImageSource) -> list[tuple[str, int]]:
    root = getattr(source, "root", Path())
    return [(Path(file).name, state_of(root / file)[0]) for file in getattr(source, "files", ())]
