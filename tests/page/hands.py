"""What a visitor's hands do on the page, and what their eyes see of it."""

import io
import re
from pathlib import Path

import numpy as np
from helpers import smooth_images
from PIL import Image

PHOTOS = smooth_images(20, 96, seed=3)[:, :64]


def choose(page, *files: Path, into: str = "#files") -> None:
    page.locator(into).set_input_files([str(file) for file in files])


def wait_for_colour(page, count: int = 1) -> None:
    """Waits until so many photographs are in the strip in colour."""
    page.wait_for_function(
        """(count) => [...document.querySelectorAll("#strip img:nth-child(2)")].filter((image) => {
          if (!image.complete || !image.naturalWidth) return false;
          const context = new OffscreenCanvas(32, 20).getContext("2d");
          context.drawImage(image, 0, 0, 32, 20);
          return context.getImageData(0, 0, 32, 20).data.some((value, i, all) => i % 4 === 0
            && Math.abs(value - all[i + 2]) > 6);
        }).length === count""",
        arg=count,
    )


def download(page, button: str = "#download") -> tuple[str, bytes]:
    with page.expect_download() as begun:
        page.locator(button).click()
    return begun.value.suggested_filename, Path(begun.value.path()).read_bytes()


def pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def at(page, column: int, row: int) -> tuple[float, float]:
    """The middle of a pixel of a photograph of 96×64, on the screen."""
    box = page.locator("#picture").bounding_box()
    return box["x"] + (column + 0.5) / 96 * box["width"], box["y"] + (row + 0.5) / 64 * box["height"]


def points_of(page) -> list[tuple[str, int, int]]:
    """The points of colour that are shown: their colours, and places in percent."""
    labels = page.locator("#points button").evaluate_all("all => all.map((each) => each.ariaLabel)")
    found = [re.fullmatch(r"Point \d+, (.+) at (\d+) %, (\d+) %", label) for label in labels]
    return [(each[1], int(each[2]), int(each[3])) for each in found if each]


def drag(page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=5)
    page.mouse.up()


def drop(page, files: dict[str, bytes], event: str = "drop") -> None:
    """Lets the browser drop files, or paste them."""
    page.evaluate(
        """([event, files]) => {
          const transfer = new DataTransfer(), options = { bubbles: true, cancelable: true };
          for (const [name, content] of files) transfer.items.add(new File([new Uint8Array(content)], name));
          document.body.dispatchEvent(event === "drop" ? new DragEvent(event, { ...options, dataTransfer: transfer })
            : new ClipboardEvent(event, { ...options, clipboardData: transfer }));
        }""",
        [event, [[name, list(content)] for name, content in files.items()]],
    )


def png(photo: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "PNG")
    return file.getvalue()


def large(path: Path) -> None:
    image = Image.fromarray(PHOTOS[0]).resize((4000, 3000), Image.Resampling.BICUBIC)
    image.save(path, quality=90, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0f\x01\x02\0\x03\0\0\0me\0\0\0\0\0\0")
