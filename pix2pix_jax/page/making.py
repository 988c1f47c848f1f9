"""What the page's server makes of a file that it is sent: what the commands make. Nothing of it is kept."""

import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from pix2pix_jax.errors import UserError
from pix2pix_jax.figures.drawing import displayed
from pix2pix_jax.inference import Point, TrainedGenerator, colorize
from pix2pix_jax.inference.colorizing import colorize_file
from pix2pix_jax.inference.inputs import condition_of
from pix2pix_jax.inference.photo_files import explaining, reading
from pix2pix_jax.inference.translating import translate_array, translated_name, write_translated
from pix2pix_jax.photos import known_suffix, name_to_write, orientation_of, read_image, with_extension
from pix2pix_jax.tasks import TranslationTask

_SHOWN, _PREVIEWED = 1024, 512  # px: the longer sides of pictures for the screen, and of what previews are made of

Answer = tuple[bytes, dict[str, Any]]
"""A file's bytes, and what the page is told beside it."""


class Asked(NamedTuple):
    """Beside a file: its name (text, never a path to open), the strength of colours, points, whether to restore it."""

    name: str
    strength: float
    points: list[Point]
    restore: bool = False

    def named(self, text: object, file: Path) -> str:
        """A message with this name in place of the file's, and without advice on flags: the page has none."""
        bare = re.sub(rf"{re.escape(str(file.parent))}/(made/)?|[;:] (?=[^;:]*--)[^;:]*", "", str(text))
        return bare.replace(file.stem, with_extension(Path(self.name), "").name)


class Maker(NamedTuple):
    """A generator at work for the page, with the `tile` and `seed` of the commands; what cannot be is a UserError."""

    generator: TrainedGenerator
    tile: int = 1024
    seed: int = 0

    @property
    def translates(self) -> bool:
        """Whether the generator was trained on pairs, and does not colour."""
        return isinstance(self.generator.config.task, TranslationTask)

    @property
    def channels(self) -> int:
        """Of what the generator is given."""
        return self.generator.config.task.condition_channels if self.translates else 1

    def read(self, line: bytes) -> Asked:
        """Reads what is asked for: JSON with `name`; for colours `strength`, `restore`, `points` as of `--points`."""
        try:
            given = json.loads(line)
            name = Path(given["name"]).name.encode(errors="replace").decode() or "image"
            strength = float(given.get("strength", 1.0))
            points = [Point(**point) for point in given.get("points", [])]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise UserError("what was asked for beside the file cannot be read") from error
        if not 0.0 <= strength <= 10.0:
            raise UserError("the strength of the colours is a number from 0 to 10")
        return Asked(name, strength, points, given.get("restore") is True)

    def open(self, file: Path, asked: Asked) -> Answer:
        """A JPEG picture of a file for the screen, the upright image's size, and the name of what is made of it."""
        if self.translates:
            condition = self._condition(file)
            height, width = condition.shape[:2]
            name = translated_name(Path(asked.name), condition, self.generator.config)
            return _picture(displayed(condition)), {"width": width, "height": height, "writes": name.name}
        with reading(file) as image:
            width, height = image.size[::-1] if orientation_of(image) >= 5 else image.size
            name = name_to_write(Path(asked.name), image.has_transparency_data, max(image.size))
        with explaining(file):
            return _picture(read_image(file, _SHOWN // 2)), {"width": width, "height": height, "writes": name.name}

    def preview(self, file: Path, asked: Asked) -> Answer:
        """A JPEG picture of what would be made of an image; of a photograph to be coloured, give a small copy."""
        if self.translates:
            return _picture(displayed(self._translated(self._condition(file)))), {}
        with reading(file) as image:
            if max(image.size) > _PREVIEWED:
                raise UserError(f"a preview is made of {_PREVIEWED} pixels at the most")
            generator = self.generator.with_saturation(asked.strength)
            made = colorize(image, generator, self.seed, asked.points, asked.restore)
        return _picture(made.convert("RGB")), {}

    def result(self, file: Path, asked: Asked) -> Answer:
        """The file that the command writes, byte by byte; its name, and notes on how the given one was read."""
        notes: list[str] = []
        name, folder, config = Path(file.name), file.parent / "made", self.generator.config
        if self.translates:
            condition = self._condition(file, notes.append)
            target = folder / translated_name(name, condition, config)
            write_translated(self._translated(condition), target, config)
        else:
            generator = self.generator.with_saturation(asked.strength)
            how = {"seed": self.seed, "points": asked.points, "restore": asked.restore}
            target, *_ = colorize_file(file, name, generator, folder.joinpath, notes.append, **how)
        about = {"name": asked.named(target.name, file), "notes": [asked.named(note, file) for note in notes]}
        return target.read_bytes(), about

    def warm_up(self, folder: Path) -> None:
        """Compiles what the first visitor would wait for; a file comes into the folder."""
        file, side = folder / "a.png", self.generator.config.image_size
        if mode := {1: "L", 3: "RGB"}.get(self.channels):  # others are no images that a page is given
            Image.new(mode, (side, side)).save(file)
            for points in [[], [Point(0, 0, "gray")]][: 1 + self.generator.takes_points]:
                self.preview(file, Asked("a.png", 1.0, points))

    def _condition(self, file: Path, note: Any = lambda _: None) -> Any:
        return condition_of([file], self.generator.config, note)

    def _translated(self, condition: Any) -> Any:
        return translate_array(condition, self.generator, self.seed, self.tile)


def file_for(asked: Asked, folder: Path) -> Path:
    """Where a visitor's file goes, under a name of ours: of theirs it has the extension, if some format's."""
    return folder / (folder.name + known_suffix(Path(asked.name)))


def _picture(pixels: Any) -> bytes:
    image, file = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels), io.BytesIO()
    image.thumbnail((_SHOWN, _SHOWN), Image.Resampling.BICUBIC)
    image.save(file, "JPEG", quality=95, subsampling="4:4:4")
    return file.getvalue()
