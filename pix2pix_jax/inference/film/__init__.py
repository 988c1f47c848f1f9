"""Films in colour that does not flicker, however long they are: read, coloured scene by scene, and written in parts."""

from pix2pix_jax.inference.film.colorizing import colorize_film
from pix2pix_jax.inference.film.names import film_name, is_film

__all__ = ["colorize_film", "film_name", "is_film"]
