"""Where photographs come from: folders, TFDS sets with STL-10 among them, and a few that scikit-image carries."""

from pix2pix_jax.data.sources.base import ImageSource, SizedSource
from pix2pix_jax.data.sources.bundled import open_bundled
from pix2pix_jax.data.sources.folder import FolderSource, open_folder, open_folders
from pix2pix_jax.data.sources.tfds import open_tfds

__all__ = ["FolderSource", "ImageSource", "SizedSource", "open_bundled", "open_folder", "open_folders", "open_tfds"]
