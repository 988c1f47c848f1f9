"""Judges a trained generator: `pix2pix-evaluate --data FOLDER [--checkpoint RUN]`."""

import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

import numpy as np

from pix2pix_jax import data, files, host
from pix2pix_jax.color import as_stored, as_unit, to_gray
from pix2pix_jax.commands import cli
from pix2pix_jax.commands.arguments import (
    Parser,
    add_overwrite,
    add_seed,
    add_size,
    add_step,
    add_test_time,
    at_size,
    at_test_time,
    refuse_earlier,
)
from pix2pix_jax.commands.evaluate_pairs import evaluate_pairs
from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import (
    LAB_NOTE,
    TABLE_NOTE,
    Baselines,
    Merits,
    as_old_prints,
    by_file,
    judge,
    judge_baselines,
    lab_intersection,
    merits_table,
    summarize,
)
from pix2pix_jax.figures import Gallery, Group, save_sheet, write_evaluation
from pix2pix_jax.files import typed_path
from pix2pix_jax.inference import TrainedGenerator, load_trained
from pix2pix_jax.tasks import TranslationTask

_SHOWN = 12  # photographs in each part of the sheet
_PAGE = 60  # photographs on a page, where all are shown


def main() -> None:
    """The command `pix2pix-evaluate`."""
    cli.run_command(_main)


def _main() -> None:
    parser = Parser(
        "pix2pix-evaluate",
        description="Judges a trained generator. Of one that colours: PSNR, SSIM, CIEDE2000 and colourfulness, beside"
        " the grey image and the best constant tint. Of one that was trained on pairs: L1, PSNR, SSIM, and of RGB the"
        " paper's intersection of Lab histograms, beside the input and constant colours. Writes evaluation.json,"
        " evaluation.md and index.html, a page of all images that can be sorted; of colouring ranked.png too.",
    )
    parser.add_argument(
        "--data",
        required=True,
        metavar="FOLDER",
        help="colour photographs, searched recursively; of a run with data.source=pairs, pairs in the layouts of"
        " docs/pairs.md",
    )
    parser.add_argument(
        "--checkpoint", metavar="RUN", help="a run's folder, or a .safetensors or .pth file; else the package's own"
    )
    parser.add_argument(
        "--out",
        default="evaluation",
        type=partial(typed_path, what="--out"),
        metavar="DIR",
        help="where to write (./evaluation)",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help=f"of colouring, sheets of all photographs, ranked, {_PAGE} a page: ranked_001.png and on",
    )
    parser.add_argument("--aged", action="store_true", help="of colouring, judge on the photographs as old prints")
    add_overwrite(parser)
    add_size(parser)
    add_step(parser)
    add_test_time(parser)
    add_seed(parser)
    evaluate(parser.parse_args())


def evaluate(arguments: Namespace) -> None:
    """Judges a generator, writes what came of it, and prints the table.

    Args:
        arguments: `data`, `checkpoint`, `step`, `out`, `all`, `aged`, `overwrite`, `image_size`, `resize`, `test_time`
            and `seed`, as the command takes them.

    Raises:
        UserError: if the generator or the images cannot be read, nothing can be written, or an earlier evaluation would
            be replaced.
    """
    refuse_earlier(arguments.out / "evaluation.json", arguments.overwrite)
    cli.use_compilation_cache()
    cli.check_devices()
    host.keep_freed_memory()
    generator = at_test_time(load_trained(arguments.checkpoint, arguments.step), arguments.test_time)
    if arguments.resize is not None and generator.config.data.source == "pairs":
        raise UserError(
            f"--resize={arguments.resize} is of photographs: pairs are brought to size as in training, see"
            " data.preprocess; leave it out"
        )
    generator = at_size(generator, arguments.image_size, arguments.resize)
    if isinstance(generator.config.task, TranslationTask):
        if arguments.aged:
            raise UserError("--aged is of photographs to colour, and this generator translates images")
        evaluate_pairs(generator, arguments)
    else:
        _evaluate_photographs(generator, arguments)


def _evaluate_photographs(generator: TrainedGenerator, arguments: Namespace) -> None:
    size, resize = generator.config.image_size, generator.config.data.resize
    source = data.open_folder(arguments.data, "--data", shorter_side=resize)
    files.make_folder(arguments.out, "--out")
    names, images = data.load_named_crops(source, size, resize)
    if arguments.aged:
        images = as_old_prints(images, arguments.seed)
    print(f"colouring and measuring {len(names):,} photographs of {size}×{size}", file=sys.stderr)
    merits, colored = judge(lambda images: generator.colorize(images, arguments.seed), images, images)
    baselines = judge_baselines(images)

    origin = arguments.checkpoint or "the package's own generator"
    kind = "old prints" if arguments.aged else "photographs"
    setting = f"{len(names):,} {kind}, {size}×{size}, coloured by {origin} ({generator.config.name})"
    if source.skipped:
        setting += f"; {len(source.skipped):,} that could not be read were left out"
    table = merits_table({"coloured": merits}, baselines)
    lab = {"coloured": lab_intersection(colored, images), "grey image": _gray_intersection(images)}
    measured = {
        **merits,
        "gray_ciede2000": baselines.merits["grey image"]["ciede2000"],
        "truth_colorfulness": baselines.truth_colorfulness,
    }
    report = {
        "checkpoint": arguments.checkpoint,
        "step": arguments.step,
        "experiment": generator.config.name,
        "photographs": len(names),
        "image_size": size,
        "resize": resize,
        "aged": arguments.aged,
        "test_time": generator.config.test_time,
        "seed": arguments.seed,
        "unreadable": source.skipped,
        **_figures(merits, baselines),
        "lab_intersection": lab,
        "images": by_file(names, measured),
    }
    histograms = "; ".join(
        f"{name} {' / '.join(f'{value:.2f}' for value in values.values())}" for name, values in lab.items()
    )
    notes = [TABLE_NOTE, f"Lab histograms: {histograms}. {LAB_NOTE}"]
    sorted_by = {name: merits[name] for name in ("ciede2000", "psnr", "ssim", "colorfulness")}
    gallery = Gallery(names, {"grey": _gray(images), "coloured": colored, "truth": images}, sorted_by)
    write_evaluation(arguments.out, report, setting, table, notes, gallery)
    _write_sheets(arguments.out, names, images, colored, merits, baselines, arguments.all)
    print(f"{setting}\n\n{table.plain()}\n")
    print(f"written to {arguments.out}; {arguments.out / 'index.html'} shows all photographs")


def _gray(images: np.ndarray) -> np.ndarray:
    """The luma of photographs, uint8 [N, H, W, 1]."""
    return as_stored(to_gray(as_unit(images)))


def _gray_intersection(images: np.ndarray) -> dict[str, float]:
    return lab_intersection(_gray(images).repeat(3, -1), images)


def _figures(merits: Merits, baselines: Baselines) -> dict[str, object]:
    truth = baselines.truth_colorfulness
    return {
        "coloured": summarize(merits, truth),
        **{
            name.replace(" ", "_"): summarize(values, truth)
            | ({"tint": baselines.tints[name]._asdict()} if name in baselines.tints else {})
            for name, values in baselines.merits.items()
        },
        "truth": summarize({"colorfulness": truth}),
    }


def _write_sheets(
    folder: Path,
    names: tuple[str, ...],
    images: np.ndarray,
    colored: np.ndarray,
    merits: Merits,
    baselines: Baselines,
    every: bool,
) -> None:
    """Writes ranked.png, and where all are wanted ranked_001.png and on."""
    count = len(names)
    order = np.argsort(merits["ciede2000"], kind="stable")
    versions = {"grey": _gray(images), "coloured": colored, "truth": images}

    def ranked(heading: str, start: int, stop: int) -> Group:
        captions = [
            f"{rank}. {names[place]}   ΔE {merits['ciede2000'][place]:.1f}"
            f" (grey {baselines.merits['grey image']['ciede2000'][place]:.1f})"
            for rank, place in enumerate(order[start:stop], start + 1)
        ]
        return Group({name: each[order[start:stop]] for name, each in versions.items()}, heading, captions)

    title = (
        f"{count:,} photographs, the best coloured first\n"
        "ΔE: mean CIEDE2000 between what was coloured, or the grey image, and the truth; lower is better"
    )
    if count <= 3 * _SHOWN:
        groups = [ranked("All of them", 0, count)]
    else:
        middle = (count - _SHOWN) // 2
        groups = [
            ranked(f"The {_SHOWN} best", 0, _SHOWN),
            ranked(f"The {_SHOWN} in the middle", middle, middle + _SHOWN),
            ranked(f"The {_SHOWN} worst", count - _SHOWN, count),
        ]
    save_sheet(folder / "ranked.png", title, groups)
    for page, start in enumerate(range(0, count, _PAGE) if every else (), start=1):
        stop = min(start + _PAGE, count)
        group = ranked(f"{start + 1:,} to {stop:,} of {count:,}", start, stop)
        save_sheet(folder / f"ranked_{page:03}.png", title, [group])


if __name__ == "__main__":
    main()
