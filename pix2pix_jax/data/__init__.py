"""Photographs: where they come from, and how they become batches."""

from pix2pix_jax.config import DataConfig
from pix2pix_jax.data.eval_images import load_eval_images, load_named_crops
from pix2pix_jax.data.loader import BatchIterator, Loader
from pix2pix_jax.data.sources import FolderSource, ImageSource, open_bundled, open_folder, open_folders, open_tfds
from pix2pix_jax.errors import UserError, nearest

__all__ = [
    "BatchIterator",
    "FolderSource",
    "ImageSource",
    "Loader",
    "load_eval_images",
    "load_named_crops",
    "make_sources",
    "open_folder",
]

_SOURCES = ("stl10", "tfds:NAME", "folder", "bundled")

# Which keys of the config's `data` part belong to which sources; given with another, they would be passed over.
_KEYS = {"root": "folder", "eval_root": "folder", "split": "tfds", "eval_split": "tfds", "tfds_dir": "tfds"}


def make_sources(config: DataConfig) -> tuple[ImageSource, ImageSource]:
    """Opens the photographs that a config names.

    Args:
        config: the `data` part of a config, see there; `open_tfds`, `open_folders` and `open_bundled` say more.

    Returns:
        The photographs to train on, and others that are never trained on, to judge by.

    Raises:
        UserError: if the config's values do not go together, or there are no photographs where it points.
    """
    source, _, dataset = config.source.partition(":")
    kind = "tfds" if source == "stl10" else source
    if kind not in ("tfds", "folder", "bundled") or bool(dataset) != (source == "tfds"):
        known = ", ".join(_SOURCES)
        raise UserError(
            f'data.source="{config.source}" is not known; did you mean "{nearest(config.source, _SOURCES)}"?'
            f" (known: {known})"
        )
    for key, owner in _KEYS.items():
        if kind != owner and (value := getattr(config, key)):
            raise UserError(
                f"data.{key}={value} is not read with data.source={config.source}:"
                f" give --config.data.source={'tfds:NAME' if owner == 'tfds' else owner} too, or leave it out"
            )
    if kind == "bundled":
        return open_bundled()
    if kind == "tfds":
        return open_tfds(
            dataset or source, config.split, config.eval_split, config.eval_fraction, tfds_dir=config.tfds_dir
        )
    if not config.root:
        raise UserError("data.source=folder needs the folder of photographs: give --config.data.root=DIR")
    return open_folders(config.root, config.eval_root, config.eval_fraction, shorter_side=config.resize)
