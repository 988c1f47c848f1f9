"""Where this project keeps what can be made again."""

import os
from pathlib import Path


def cache_home() -> Path:
    """`pix2pix_jax` in the user's folder for caches (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pix2pix_jax"
