"""What the page does with a file, which is what the commands do with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pix2pix_jax.figures.drawing import displayed
from pix2pix_jax.inference.colorizing import colorize_file
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.inference.inputs import condition_of
from pix2pix_jax.inference.translating import translate_array, translated_name, write_translated
from pix2pix_jax.tasks import TranslationTask

_LONGEST_SHOWN = 1600  # px; what is shown is smaller than what is downloaded, and a format that browsers know
_SHOWN_AS_JPEG = {"quality": 90, "subsampling": "4:4:4"}
_FEW_PIXELS = 2**18  # enlarged on the screen, so that JPEG would be seen


@dataclass(frozen=True)
class Made:
    """An image that was made of a file.

    Attributes:
        target: the file that was written, at full size.
        size: its width and height, px.
        before: a picture of what was given, for the screen.
        after: a picture of what was made, for the screen.
        notes: what the user should know of how the file was read, a line each.
    """

    target: Path
    size: tuple[int, int]
    before: Path
    after: Path
    notes: tuple[str, ...]


Make = Callable[[Path, Path, float], Made]
"""Makes an image of a file in an empty folder, with some strength of the colours; raises UserError if it cannot."""


@dataclass(frozen=True)
class Maker:
    """A generator at work for the page.

    Attributes:
        generator: the generator.
        tile: side of the squares that large images are translated in, px.
        seed: what dropout follows from, where the generator keeps it.
    """

    generator: TrainedGenerator
    tile: int
    seed: int = 0

    @property
    def translates(self) -> bool:
        """Whether the generator was trained on pairs, and does not colour."""
        return isinstance(self.generator.config.task, TranslationTask)

    @property
    def strength(self) -> float:
        """The strength of the colours that the generator's config says."""
        return self.generator.config.saturation

    @property
    def side(self) -> int:
        """Height and width of the images that the generator was trained on, px."""
        return self.generator.config.image_size

    def make(self, file: Path, folder: Path, strength: float) -> Made:
        """Makes an image of a file.

        Args:
            file: the file, whose name the image keeps.
            folder: where the image and two pictures of it go.
            strength: of the colours, as `pix2pix-colorize --saturation`; not looked at by a generator that translates.

        Raises:
            UserError: if the file cannot be read, or the image cannot be written.
        """
        return self._translate(file, folder) if self.translates else self._colorize(file, folder, strength)

    def warm_up(self, folder: Path) -> None:
        """Compiles what the first visitor would wait for.

        Args:
            folder: an empty one, for what is made on the way.
        """
        channels = self.generator.config.task.condition_channels if self.translates else 1
        if channels in (1, 3):  # others are no images that a page could be given
            file = folder / "warm_up.png"
            Image.new("L" if channels == 1 else "RGB", (self.side, self.side)).save(file)
            self.make(file, folder / "made", self.strength)

    def _colorize(self, file: Path, folder: Path, strength: float) -> Made:
        notes: list[str] = []
        generator = self.generator.with_saturation(strength)
        name, note = Path(file.name), notes.append
        target, gray, image = colorize_file(file, name, generator, folder.joinpath, note, seed=self.seed)
        return _made(target, gray.image(), image, notes)

    def _translate(self, file: Path, folder: Path) -> Made:
        config = self.generator.config
        notes: list[str] = []
        condition = condition_of([file], config, notes.append)
        target = folder / translated_name(Path(file.name), condition, config)
        made = translate_array(condition, self.generator, self.seed, self.tile)
        write_translated(made, target, config)
        return _made(target, Image.fromarray(displayed(condition)), Image.fromarray(displayed(made)), notes)


def _made(target: Path, before: Image.Image, after: Image.Image, notes: list[str]) -> Made:
    folder = target.parent / "shown"
    folder.mkdir()
    return Made(target, after.size, _show(before, folder / "before"), _show(after, folder / "after"), tuple(notes))


def _show(image: Image.Image, name: Path) -> Path:
    """Writes a picture for the screen; its name is given without the extension."""
    image.thumbnail((_LONGEST_SHOWN, _LONGEST_SHOWN), Image.Resampling.BICUBIC)
    if image.has_transparency_data or image.width * image.height <= _FEW_PIXELS:
        path = name.with_suffix(".png")
        image.save(path)
    else:
        path = name.with_suffix(".jpg")
        image.save(path, **_SHOWN_AS_JPEG)
    return path
