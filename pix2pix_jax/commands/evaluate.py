"""Judges a trained generator on a folder of photographs: `pix2pix-evaluate --data FOLDER [--checkpoint RUN]`."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from pix2pix_jax import data, files
from pix2pix_jax.commands import cli
from pix2pix_jax.commands.arguments import Parser
from pix2pix_jax.evaluation import (
    TABLE_NOTE,
    Baselines,
    Merits,
    judge,
    judge_baselines,
    measures,
    merits_table,
    spread,
    summarize,
)
from pix2pix_jax.figures import Ranked, Ranking
from pix2pix_jax.inference import load_trained

_SHOWN = 12  # photographs in each part of the sheet
_PAGE = 60  # photographs on a page, where all are shown


def main() -> None:
    """The command `pix2pix-evaluate`."""
    cli.run_command(_main)


def _main() -> None:
    parser = Parser(
        "pix2pix-evaluate",
        description="Judges a trained generator on photographs: PSNR, SSIM, CIEDE2000 and colourfulness, beside the"
        " grey image and the best constant tint. Writes evaluation.json, evaluation.md and ranked.png.",
    )
    parser.add_argument("--data", required=True, metavar="FOLDER", help="colour photographs, searched recursively")
    parser.add_argument(
        "--checkpoint", metavar="RUN", help="a run's folder, or a .safetensors file; without it the package's own"
    )
    parser.add_argument("--out", default="evaluation", type=Path, metavar="DIR", help="where to write (./evaluation)")
    parser.add_argument(
        "--all", action="store_true", help=f"sheets of all photographs, ranked, {_PAGE} a page: ranked_001.png and on"
    )
    evaluate(parser.parse_args())


def evaluate(arguments: Namespace) -> None:
    """Judges a generator, writes what came of it, and prints the table.

    Args:
        arguments: `data`, `checkpoint`, `out` and `all`, as the command takes them.

    Raises:
        UserError: if the generator or the photographs cannot be read, or nothing can be written.
    """
    cli.use_compilation_cache()
    generator = load_trained(arguments.checkpoint)
    size, resize = generator.config.image_size, generator.config.data.resize
    source = data.open_folder(arguments.data, "--data", shorter_side=resize)
    files.make_folder(arguments.out, "--out")
    names, images = data.load_named_crops(source, size, resize)
    print(f"colouring and measuring {len(names):,} photographs of {size}×{size}", file=sys.stderr)
    merits, colored = judge(generator.colorize, images)
    baselines = judge_baselines(images)

    origin = arguments.checkpoint or "the package's own generator"
    setting = f"{len(names):,} photographs, {size}×{size}, coloured by {origin} ({generator.config.name})"
    if source.skipped:
        setting += f"; {len(source.skipped):,} that could not be read were left out"
    table = merits_table({"coloured": merits}, baselines)
    print(f"{setting}\n\n{table.plain()}\n")
    report = {
        "checkpoint": arguments.checkpoint,
        "experiment": generator.config.name,
        "photographs": len(names),
        "image_size": size,
        "resize": resize,
        "unreadable": source.skipped,
        **_figures(merits, baselines),
        "images": _by_file(names, merits, baselines),
    }
    files.write_text(arguments.out / "evaluation.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    files.write_text(
        arguments.out / "evaluation.md", f"# Evaluation\n\n{setting}.\n\n{table.markdown()}\n\n{TABLE_NOTE}\n"
    )
    _write_sheets(arguments.out, names, images, colored, merits, baselines, arguments.all)
    print(f"written to {arguments.out}")


def _figures(merits: Merits, baselines: Baselines) -> dict[str, object]:
    truth = baselines.truth_colorfulness
    return {
        "coloured": summarize(merits, truth),
        **{
            name.replace(" ", "_"): summarize(values, truth)
            | ({"tint": baselines.tints[name]._asdict()} if name in baselines.tints else {})
            for name, values in baselines.merits.items()
        },
        "truth": {"colorfulness": spread(truth)},
    }


def _by_file(names: tuple[str, ...], merits: Merits, baselines: Baselines) -> list[dict[str, object]]:
    """One object a photograph, in the order of the names."""
    gray, truth = baselines.merits["grey image"]["ciede2000"], baselines.truth_colorfulness
    return [
        {
            "file": names[place],
            **{name: float(values[place]) for name, values in merits.items()},
            "gray_ciede2000": float(gray[place]),
            "truth_colorfulness": float(truth[place]),
        }
        for place in sorted(range(len(names)), key=names.__getitem__)
    ]


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
    ranking = Ranking(
        names=[names[place] for place in order],
        gray=measures.gray_images(images)[order],
        colored=colored[order],
        truth=images[order],
        figures=merits["ciede2000"][order],
        gray_figures=baselines.merits["grey image"]["ciede2000"][order],
    )
    title = (
        f"{count:,} photographs, the best coloured first\n"
        "ΔE: mean CIEDE2000 between what was coloured, or the grey image, and the truth; lower is better"
    )
    if count <= 3 * _SHOWN:
        groups = [Ranked("All of them", range(count))]
    else:
        middle = (count - _SHOWN) // 2
        groups = [
            Ranked(f"The {_SHOWN} best", range(_SHOWN)),
            Ranked(f"The {_SHOWN} in the middle", range(middle, middle + _SHOWN)),
            Ranked(f"The {_SHOWN} worst", range(count - _SHOWN, count)),
        ]
    ranking.save(folder / "ranked.png", title, groups)
    for page, start in enumerate(range(0, count, _PAGE) if every else (), start=1):
        places = range(start, min(start + _PAGE, count))
        heading = f"{places[0] + 1:,} to {places[-1] + 1:,} of {count:,}"
        ranking.save(folder / f"ranked_{page:03}.png", title, [Ranked(heading, places)])


if __name__ == "__main__":
    main()
