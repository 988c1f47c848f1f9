"""Photographs: where they come from, and how they become batches."""

import difflib
from typing import Any

from pix2pix_jax.data.bundled import open_bundled
from pix2pix_jax.data.eval_images import load_eval_images
from pix2pix_jax.data.folder import FolderSource, open_folders
from pix2pix_jax.data.loader import BatchIterator, Loader
from pix2pix_jax.data.source import ImageSource
from pix2pix_jax.errors import UserError

__all__ = [
    "BatchIterator",
    "FolderSource",
    "ImageSource",
    "Loader",
    "load_eval_images",
    "make_sources",
]

_SOURCES = ("bundled", "folder")


def make_sources(config: Any) -> tuple[ImageSource, ImageSource]:
    """Opens the photographs that a config names.

    Args:
        config: the `data` part of an experiment's config, or anything with its attributes `source`
            ("bundled" or "folder"), `root`, `eval_root`, `eval_fraction` and `resize`; see
            `open_bundled` and `open_folders` for what they mean.

    Returns:
        The photographs to train on, and others that are never trained on, to judge by.

    Raises:
        UserError: if the config's values do not go together, or there are no photographs where it
            points.
    """
    if config.source not in _SOURCES:
        nearest = difflib.get_close_matches(config.source, _SOURCES, n=1, cutoff=0)[0]
        raise UserError(
            f'data.source="{config.source}" is not known; did you mean "{nearest}"? (known: {", ".join(_SOURCES)})'
        )
    if config.source == "bundled":
        for key, folder in (("root", config.root), ("eval_root", config.eval_root)):
            if folder:
                raise UserError(
                    f"data.{key}={folder} is not read with data.source=bundled: "
                    "give --config.data.source=folder to use your photographs"
                )
        return open_bundled()
    if not config.root:
        raise UserError("data.source=folder needs the folder of photographs: give --config.data.root=DIR")
    return open_folders(config.root, config.eval_root, config.eval_fraction, shorter_side=config.resize)
