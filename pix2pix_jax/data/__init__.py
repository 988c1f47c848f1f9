"""Photographs and pairs of images: where they come from, and how they become batches."""

from pathlib import Path

from pix2pix_jax.config import Config, DataConfig
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
    "SOURCE_KEYS",
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

SOURCE_KEYS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("root", "eval_root"), ("folder", *_GIVES_PAIRS)),
    **dict.fromkeys(("split", "eval_split", "tfds_dir"), ("tfds", "stl10")),
    **dict.fromkeys(
        ("direction", "preprocess", "input_interpolation", "output_interpolation", "float_min", "float_max"),
        ("pairs",),
    ),
    "edge_sigma": ("edges",),
    "blur_factor": ("blurred",),
    "mask_share": ("masked",),
}
"""Which keys of the config's `data` part belong to which sources; given with another, they would be passed over."""


def make_sources(config: Config) -> tuple[ImageSource, ImageSource]:
    """Opens the photographs or pairs that a config names; the functions called say more.

    Returns:
        The images to train on, and others that are never trained on, to judge by: photographs, or for a
        `TranslationTask` pairs, which are `SizedSource`s.

    Raises:
        UserError: if the config's values do not go together, or there are no images where it points.
    """
    data = config.data
    kind, _, dataset = ("tfds:stl10" if data.source == "stl10" else data.source).partition(":")
    if kind not in ("tfds", "folder", "bundled", *_GIVES_PAIRS) or bool(dataset) != (kind == "tfds"):
        near = did_you_mean(data.source, _SOURCES)
        raise UserError(f"data.source={data.source} is not known: choose one of {', '.join(_SOURCES)}{near}")
    for key, owners in SOURCE_KEYS.items():
        if kind not in owners and getattr(data, key) != getattr(DataConfig(), key):
            wanted = "tfds:NAME" if owners[0] == "tfds" else owners[0]
            raise UserError(
                f"data.{key}={getattr(data, key)} is not read with data.source={data.source}:"
                f" give --config.data.source={wanted} too, or leave it out"
            )
    if (kind in _GIVES_PAIRS) != (config.task.kind == "translation"):
        gives, remedy = "pairs", "use --config=configs/pix2pix.py"
        if kind not in _GIVES_PAIRS:
            gives = "photographs"
            remedy = "give --config.data.source=pairs --config.data.root=DIR, or use --config=configs/ycrcb_rgb.py"
        raise UserError(f"data.source={data.source} gives {gives}, and the task is {config.task.kind}: {remedy}")
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
    if not (config.data.root and Path(config.data.root).expanduser().is_dir()):
        return 0
    given, known = (
        [(Path(name).name, state_of(getattr(of, "root", Path()) / name)[0]) for name in getattr(of, "files", ())]
        for of in (source, make_sources(config)[0])
    )
    return sum(map(set(known).__contains__, given))
