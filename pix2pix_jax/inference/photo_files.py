"""Photographs as files: read whatever Pillow reads, written whole or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from PIL import Image, ImageFile, TiffImagePlugin

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing
from pix2pix_jax.photos import format_of, open_image, save_options


@contextmanager
def explaining(path: Path, remedy: str = "") -> Iterator[None]:
    """Says in one line what is wrong with a file that cannot be read within the `with`: raises UserError."""
    try:
        yield
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise UserError(
            f"{path} has more pixels than a photograph should: if it is no trap, allow them with --max-megapixels"
        ) from error
    except Exception as error:  # Pillow's plugins do not agree on a type
        raise UserError(f"{path} cannot be read: {describe_failure(error)}{remedy}") from error


@contextmanager
def reading(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Yields Pillow's image of a file; raises UserError if it cannot be read, or decoded within the `with`."""
    with explaining(path), open_image(path) as image:
        yield image


def write_photo(
    image: Image.Image, target: Path, metadata: dict[str, Any], overwrite: bool, further: Iterable[Image.Image] = ()
) -> None:
    """Writes an image, mode L, RGB or RGBA, whose file appears under its name when it is complete.

    Args:
        image: the image.
        target: the file, with an extension that `photos.name_to_write` gave; its folder is made where there is none.
        metadata: from `photos.metadata_to_keep`; what the format has no place for is left out.
        overwrite: whether to replace a file that is there.
        further: further pages of a TIFF file, each of which is asked for when the one before is written.

    Raises:
        UserError: if it cannot be written, or is there already.
    """
    chosen = format_of(target)
    assert chosen is not None, target

    def save(page: Image.Image, file: Any) -> None:
        page.save(file, chosen.name, **chosen.options, **save_options(chosen.name, metadata, page.size))

    with writing_photo(target, overwrite) as path, path.open("w+b") as file:
        if chosen.name != "TIFF":
            save(image, file)
            return
        writer = TiffImagePlugin.AppendingTiffWriter(file)
        try:
            for page in chain([image], further):
                save(page, writer)
                writer.newFrame()
        finally:
            writer.close()
            del writer  # it looks at its file once more when it goes, so it must go before that is closed


@contextmanager
def writing_photo(target: Path, overwrite: bool) -> Iterator[Path]:
    """Yields the name to write an image under, as `files.replacing`; makes its folder; what fails is a UserError."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, overwrite) as file:
            yield file
    except FileExistsError as error:
        raise already_there(target) from error
    except UserError:  # of a page that cannot be read
        raise
    except Exception as error:  # Pillow's plugins raise errors of many types
        raise UserError(f"{target} cannot be written: {describe_failure(error)}") from error


def already_there(target: Path) -> UserError:
    """The error for a file that is not to be overwritten."""
    return UserError(f"{target} is there already: give --overwrite to replace it, or another folder with --out")
