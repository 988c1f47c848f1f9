"""Films in colour that does not flicker, however long they are: read, coloured scene by scene, and written in parts."""

from pix2pix_jax.errors import UserError

try:
    from pix2pix_jax.inference.film.colorizing import colorize_film
except ModuleNotFoundError as error:
    raise UserError("films need PyAV and OpenCV: pip install 'pix2pix-jax[video]'") from error

__all__ = ["colorize_film"]
