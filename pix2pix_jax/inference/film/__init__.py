"""Films in colour that does not flicker, however long they are: read, coloured scene by scene, and written in parts."""

from typing import Any

from pix2pix_jax.errors import UserError

try:
    from pix2pix_jax.inference.film.colorizing import colorize_film
except ImportError as error:  # of OpenCV, also where the system lacks a library
    _missing = str(error)

    def colorize_film(*_: Any, **__: Any) -> Any:
        """Stands in where an extra is missing, so that the package can be imported without it."""
        raise UserError(f"films need PyAV and OpenCV ({_missing}): pip install 'pix2pix-jax[video]'")


__all__ = ["colorize_film"]
