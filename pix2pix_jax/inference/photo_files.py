"""Photographs as files: read whatever Pillow reads, written whole or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, TiffImagePlugin

from pix2pix_jax.data.sources.scan import describe_failure
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing
from pix2pix_jax.inference.painting import gap_between
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
    """Opens an image file, for its header and its pixels to be read within the `with`.

    Args:
        path: the file, in any format Pillow reads.

    Yields:
        Pillow's image.

    Raises:
        UserError: if the file cannot be read, or decoding its pixels within the `with` fails.
    """
    with explaining(path), open_image(path) as image:
        yield image


def frames_note(image: Image.Image) -> tuple[str, ...]:
    """A note where an image has more than the one frame that is taken."""
    frames = getattr(image, "n_frames", 1)
    # In an MPO file, which telephones write, the further frames are previews and the like.
    if frames < 2 or image.format == "MPO":
        return ()
    return (f"the first of its {frames} frames is taken",)


def target_within(folder: Path, name: Path) -> Path:
    """Where a file goes.

    Args:
        folder: the folder that it must stay in.
        name: its path relative to that folder.

    Returns:
        The path.

    Raises:
        UserError: if it would lie outside, by way of `..` or of a link.
    """
    target = folder / name
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{target} lies outside {folder}, and is not written")
    return target


def write_photo(image: Image.Image, target: Path, metadata: dict[str, Any], overwrite: bool) -> None:
    """Writes an image, whose file appears under its name when it is complete.

    Args:
        image: mode L, RGB or RGBA.
        target: the file, with an extension that `photos.name_to_write` gave; its folder is made where there is none.
        metadata: from `photos.metadata_to_keep`; what the format has no place for is left out.
        overwrite: whether to replace a file that is there.

    Raises:
        UserError: if it cannot be written, or is there already.
    """
    chosen = format_of(target)
    assert chosen is not None, target
    options = chosen.options | save_options(chosen.name, metadata, image.size)
    with writing_photo(target, overwrite) as file:
        image.save(file, chosen.name, **options)


def write_pages(pages: Iterable[Image.Image], target: Path, metadata: dict[str, Any], overwrite: bool) -> None:
    """Writes the pages of a TIFF file, each before the next is asked for; as `write_photo` writes one."""
    chosen = format_of(target)
    assert chosen is not None, target
    with writing_photo(target, overwrite) as path, path.open("w+b") as file:
        writer = TiffImagePlugin.AppendingTiffWriter(file)
        try:
            for page in pages:
                page.save(writer, chosen.name, **chosen.options, **save_options(chosen.name, metadata, page.size))
                writer.newFrame()
        finally:
            writer.close()
            del writer  # it looks at its file once more when it goes, so it must go before that is closed


def write_array(pixels: NDArray[Any], target: Path, overwrite: bool) -> None:
    """Writes an image that has more bits or channels than `write_photo` can write, losing nothing.

    Args:
        pixels: [H, W, channels], uint8, uint16 or float32.
        target: the file, a PNG or a TIFF by its extension, see `extension_for`.
        overwrite: whether to replace a file that is there.

    Raises:
        UserError: as `write_photo`.
    """
    planes = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    with writing_photo(target, overwrite) as file:
        if target.suffix.lower() == ".png":
            Image.fromarray(planes).save(file, "PNG", compress_level=2)
            return
        import tifffile

        kind = "rgb" if pixels.shape[2] in (3, 4) else "minisblack"
        layout = "contig" if planes.ndim == 3 else None
        tifffile.imwrite(file, planes, photometric=kind, planarconfig=layout, compression="zlib")


def side_by_side(left: NDArray[np.uint8], right: NDArray[np.uint8]) -> Image.Image:
    """Two images, RGB [H, W, 3], with a white gap between them."""
    height, width = left.shape[:2]
    gap = gap_between(width, height)
    return Image.fromarray(np.concatenate([left, np.full((height, gap, 3), 255, np.uint8), right], axis=1))


def extension_for(dtype: np.dtype, channels: int) -> str:
    """.png where that holds images of this dtype and number of channels, else .tif."""
    return ".png" if (channels == 1 and dtype.kind == "u") or (channels in (3, 4) and dtype == np.uint8) else ".tif"


@contextmanager
def writing_photo(target: Path, overwrite: bool) -> Iterator[Path]:
    """Yields the name to write a file under, see `files.replacing`; what fails is a UserError.

    Args:
        target: the file; its folder is made where there is none.
        overwrite: whether to replace a file that is there.

    Raises:
        UserError: if it cannot be written, or is there already.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, overwrite) as file:
            yield file
    except FileExistsError as error:
        raise already_there(target) from error
    except Exception as error:  # Pillow's plugins raise errors of many types
        raise UserError(f"{target} cannot be written: {describe_failure(error)}") from error


def already_there(target: Path) -> UserError:
    """The error for a file that is not to be overwritten."""
    return UserError(f"{target} is there already: give --overwrite to replace it, or another folder with --out")
