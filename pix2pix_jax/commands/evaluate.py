"""Evaluates a trained generator: `pix2pix-evaluate [--data FOLDER] [--checkpoint RUN]`."""

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from pix2pix_jax import data, evaluation, files, host
from pix2pix_jax.color import as_stored
from pix2pix_jax.commands import cli, lifelike
from pix2pix_jax.commands.arguments import add_flags, load_generator, make_parser, number, positive_int, refuse_earlier
from pix2pix_jax.config import Config, check_fits, updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.evaluation import PAIR_MEASURES, lab_intersection, summarize
from pix2pix_jax.evaluation.tint import apply_tint
from pix2pix_jax.figures import Gallery, Group, save_sheet, write_evaluation
from pix2pix_jax.inference import TrainedGenerator
from pix2pix_jax.tasks import TranslationTask

_SHOWN = 12  # photographs in each part of the sheet
_PAGE = 60  # photographs on a page, where all are shown
_TITLE = (
    "{:,} photographs, the best coloured first\n"
    "ΔE: mean CIEDE2000 between what was coloured, or the grey image, and the truth; lower is better"
)

_SORTED_BY = ("ciede2000", "l1", "psnr", "ssim", "colorfulness")


class _Evaluated(NamedTuple):
    """An evaluation: versions of the images by heading, measures of each image [N], their table, notes, summaries."""

    versions: dict[str, NDArray[Any]]
    merits: evaluation.Merits
    table: evaluation.Table
    notes: list[str]
    report: dict[str, object]


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; its arguments are the process's own where they are None."""
    cli.run_command(lambda: _evaluate(_parsed(arguments)))


def _parsed(arguments: Sequence[str] | None) -> Namespace:
    parser = make_parser(
        "pix2pix-evaluate",
        description="Evaluates a trained generator. Of one that colours: PSNR, SSIM, CIEDE2000 and colourfulness,"
        " beside the grey image and the best constant tint. Of one that was trained on pairs: L1, PSNR, SSIM, and of"
        " RGB the paper's intersection of Lab histograms, beside the input and constant colours. Where"
        " '.[imagenet]' is installed, also the Fréchet distance from the true images. Writes"
        " evaluation.json, evaluation.md and index.html, a page of all images that can be sorted; of colouring"
        " ranked.png too.",
    )
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="colour photographs, searched recursively; of a run with data.source=pairs, pairs in the layouts of"
        " docs/pairs.md (default: what was held out of the run)",
    )
    parser.add_argument(
        "--out",
        default="evaluation",
        type=partial(files.typed_path, what="--out"),
        metavar="DIR",
        help="where to write (./evaluation)",
    )
    parser.add_argument(
        "--all", action="store_true", help="of colouring, sheets of all photographs, ranked: ranked_001.png and on"
    )
    parser.add_argument("--aged", action="store_true", help="of colouring, evaluate on the photographs as old prints")
    parser.add_argument(
        "--image-size", type=positive_int, metavar="N", help="side of the crops in pixels (default: as in training)"
    )
    parser.add_argument(
        "--resize",
        type=positive_int,
        metavar="N",
        help="of photographs, the shorter side before the crop (default: 7/6 of the crop's)",
    )
    parser.add_argument(
        "--protocol",
        choices=("ddcolor",),
        help="of colouring, evaluate on whole photographs, stretched to 256×256, by the figures of DDColor's table too",
    )
    parser.add_argument(
        "--points",
        type=number(int, 1, 1000),
        metavar="N",
        help="of colouring, give N points of the true colour, at random places: squares of 3 to 9 pixels",
    )
    add_flags(parser, "--checkpoint", "--step", "--test-time", "--seed", "--overwrite")
    options = parser.parse_args(arguments)
    options.of_run = bool(options.checkpoint) and files.typed_path(options.checkpoint, "RUN").is_dir()
    if options.data is None and not options.of_run:
        parser.error("give --data: only a run's folder, as --checkpoint, knows images that were held out of it")
    return options


def _evaluate(options: Namespace) -> None:
    """Evaluates a generator, writes what came of it, and prints the table."""
    refuse_earlier(options.out / "evaluation.json", options.overwrite)
    host.keep_freed_memory()
    generator = load_generator(options)
    if options.protocol:
        if options.image_size or options.resize:
            raise UserError("--protocol says what size photographs have: leave out --image-size and --resize")
        options.image_size = options.resize = 256
    config = _at_size(generator.config, options.image_size, options.resize)
    generator = dataclasses.replace(generator, config=config)
    translates = isinstance(config.task, TranslationTask)
    for flag in ("aged", "all", "points", "protocol"):
        if translates and getattr(options, flag):
            raise UserError(f"--{flag} works only with generators that colour photographs")
    if options.resize and config.data.source == "pairs":
        raise UserError("--resize is for photographs; pairs are brought to size as in training, see data.preprocess")

    source = _source(config, options)
    if options.protocol:
        names, images = data.load_named_squares(source, config.image_size)
    else:
        names, images = data.load_named_crops(source, config.image_size, config.data.resize)
    gray = 0 if translates else int((evaluation.colorfulness(images) < evaluation.GRAY).sum())
    if gray == len(images):
        raise UserError(f"all {gray:,} photographs are grey, so there is no colour to evaluate: give others")
    files.make_folder(options.out, "--out")
    made = (_translated if translates else _coloured)(generator, names, images, options)
    skipped = getattr(source, "skipped", {})
    setting = _setting(config, options, source, images)
    if gray:
        setting += f"; {gray:,} are grey"
    if skipped:
        setting += f"; {len(skipped):,} files that could not be read were left out"
    own = {"checkpoint": options.checkpoint, "step": options.step, "experiment": config.name}
    own |= {"test_time": config.test_time, "seed": options.seed, "unreadable": skipped}
    report = own | made.report | {"images": evaluation.by_file(names, made.merits)}
    gallery = Gallery(names, made.versions, {name: made.merits[name] for name in _SORTED_BY if name in made.merits})
    write_evaluation(options.out, report, setting, made.table, made.notes, gallery)
    print(f"{setting}\n\n{made.table.plain()}\n\n{made.notes[0]}")
    print(f"written to {options.out}; {options.out / 'index.html'} shows all images")


def _setting(config: Config, options: Namespace, source: data.ImageSource, images: NDArray[Any]) -> str:
    """What is evaluated, and how, in words."""
    count, height, width = images.shape[:3]
    translates = isinstance(config.task, TranslationTask)
    kind = "pairs" if translates else "old prints" if options.aged else "photographs"
    kind += ", whole and stretched" if options.protocol else ""
    remark = f" ({source.remark})" if isinstance(source, data.PairSource) and source.remark else ""
    setting = (
        f"{count:,} {kind}{remark}, {width}×{height}, {'translated' if translates else 'coloured'} by"
        f" {options.checkpoint or 'the generator of the package'} ({config.name}, test time {config.test_time}, seed"
        f" {options.seed})"
    )
    if options.points:
        setting += f", with {options.points} points of the true colour each"
    if options.data is None:
        setting += ", held out of the run"
    elif trained_on := data.number_trained_on(config, source) if options.of_run else 0:
        setting += f"; IT WAS TRAINED ON {trained_on:,} OF THEM: without --data, those held out are evaluated"
    return setting


def _source(config: Config, options: Namespace) -> data.ImageSource:
    """What is evaluated: the images in `--data`, or those that were held out of the run."""
    if options.data is None:
        try:
            return data.make_sources(config)[1]
        except UserError as error:
            raise UserError(f"what was held out of {options.checkpoint} is not there ({error}): give --data") from error
    if isinstance(config.task, TranslationTask):
        return data.open_pair_folder(config, options.data, "--data")
    return data.open_folder(options.data, "--data", shorter_side=config.data.resize)


def _verdict(merits: evaluation.Merits, others: Mapping[str, evaluation.Merits], measure: str, digits: int) -> str:
    """Whether the generator is nearer to the truth than what needs no network, in words."""
    figures = {name: float(row[measure].mean()) for name, row in others.items() if not name.endswith("by PSNR")}
    return f"The generator is {evaluation.compared(float(merits[measure].mean()), figures, digits)[0]}."


def _at_size(config: Config, image_size: int | None, resize: int | None) -> Config:
    """The config for images of the size of `--image-size` and `--resize`, if its network takes such images."""
    if image_size is None and resize is None:
        return config
    size = image_size or config.image_size
    # What is larger than the photographs of training is reduced to their scale, as any photograph is.
    side = config.coloring_side or (config.data.resize if size > config.data.resize else 0)
    sizes = {"image_size": size, "data.resize": resize or round(size * 7 / 6), "coloring_side": side}
    config = updated(config, sizes)
    check_fits(config, size, size, f"--image-size={size}")
    if config.data.resize < size:
        raise UserError(f"--resize={resize} is smaller than the crops, {size}: give {round(size * 7 / 6)}, say")
    return config


def _translated(
    generator: TrainedGenerator, names: Sequence[str], pairs: NDArray[Any], options: Namespace
) -> _Evaluated:
    """Evaluates a generator on pairs [N, H, W, input and output channels]."""
    inputs, truth = np.split(pairs, [generator.config.task.condition_channels], axis=-1)
    height, width = truth.shape[1:3]
    print(f"translating and measuring {len(names):,} pairs of {width}×{height}", file=sys.stderr)
    with tqdm(total=len(truth), unit="pair", disable=None) as bar:

        def translate(images: NDArray[Any]) -> NDArray[Any]:
            bar.update(len(images))
            return as_stored(generator.translate(images, options.seed), truth.dtype)

        merits, made = evaluation.evaluate(translate, inputs, truth, PAIR_MEASURES)
    baselines = evaluation.pair_baselines(inputs, truth)
    rows = {name: evaluation.measure_each(images, truth, PAIR_MEASURES) for name, images in baselines.items()}
    words = _verdict(merits, rows, "l1", 4)
    rows = {"translated": merits, **rows}
    shown = {"translated": made, **baselines} if truth.shape[-1] == 3 else {}
    lab = {name: lab_intersection(images, truth) for name, images in shown.items()}
    report: dict[str, object] = {"pairs": len(names), "height": height, "width": width}
    for name, row in rows.items():
        report[name.replace(" ", "_")] = summarize(row) | ({"lab_intersection": lab[name]} if lab else {})
    versions = {"input": inputs, "output": made, "truth": truth}
    notes = [words, evaluation.PAIRS_NOTE, *([evaluation.LAB_NOTE] if lab else [])]
    report["frechet_distance"] = far = lifelike.distances(shown.items(), truth, notes) if shown else {}
    return _Evaluated(versions, merits, evaluation.pairs_table(rows, lab, far), notes, report)


def _coloured(
    generator: TrainedGenerator, names: Sequence[str], images: NDArray[np.uint8], options: Namespace
) -> _Evaluated:
    """Evaluates a generator on photographs, RGB [N, H, W, 3], and writes the ranked sheets."""
    size, resize = generator.config.image_size, generator.config.data.resize
    if options.aged:
        images = evaluation.as_old_prints(images, options.seed)
    print(f"colouring and measuring {len(names):,} photographs of {size}×{size}", file=sys.stderr)
    points = evaluation.true_points(images, options.points, options.seed) if options.points else None

    def colorize(places: NDArray[np.intp]) -> NDArray[np.float32]:
        return generator.colorize(images[places], options.seed, None if points is None else points[places])

    merits, colored = evaluation.evaluate(colorize, np.arange(len(images)), images)
    baselines = evaluation.evaluate_baselines(images)
    gray, truth = as_stored(evaluation.gray_images(images)), baselines.truth_colorfulness
    lab = {"coloured": lab_intersection(colored, images), "grey image": lab_intersection(gray, images)}
    report: dict[str, object] = {"photographs": len(names), "image_size": size, "resize": resize}
    report |= {"aged": options.aged, "points": options.points or 0, "lab_intersection": lab}
    report["coloured"] = summarize(merits, truth)
    for name, values in baselines.merits.items():
        tint = {"tint": baselines.tints[name]._asdict()} if name in baselines.tints else {}
        report[name.replace(" ", "_")] = summarize(values, truth) | tint
    report["truth"] = summarize({"colorfulness": truth})
    versions = {"grey": gray, "coloured": colored, "truth": images}
    of_gray = baselines.merits["grey image"]["ciede2000"]
    measured = {**merits, "gray_ciede2000": of_gray, "truth_colorfulness": truth}
    histograms = [f"{name} {' / '.join(f'{value:.2f}' for value in values.values())}" for name, values in lab.items()]
    words = _verdict(merits, baselines.merits, "ciede2000", 2)
    notes = [words, evaluation.TABLE_NOTE, f"Lab histograms: {'; '.join(histograms)}. {evaluation.LAB_NOTE}"]
    tints = ((name, as_stored(apply_tint(images, tint))) for name, tint in baselines.tints.items())
    shown = chain([("coloured", colored), ("grey image", gray)], tints)
    report["frechet_distance"] = far = lifelike.distances(shown, images, notes)
    if options.protocol:
        report["ddcolor"] = lifelike.in_ddcolors_table(colored, images, notes)
    made = _Evaluated(versions, measured, evaluation.merits_table({"coloured": merits}, baselines, far), notes, report)
    _write_sheets(options, names, made)
    return made


def _write_sheets(options: Namespace, names: Sequence[str], made: _Evaluated) -> None:
    """Writes ranked.png, and where all are wanted ranked_001.png and on."""
    count, values, of_gray = len(names), made.merits["ciede2000"], made.merits["gray_ciede2000"]
    order = np.argsort(values, kind="stable")

    def save(name: str, parts: Mapping[str, slice]) -> None:
        groups = []
        for heading, part in parts.items():
            captions = [
                f"{rank}. {names[place]}   ΔE {values[place]:.1f} (grey {of_gray[place]:.1f})"
                for rank, place in enumerate(order[part], part.start + 1)
            ]
            groups.append(
                Group({name: images[order[part]] for name, images in made.versions.items()}, heading, captions)
            )
        save_sheet(options.out / name, _TITLE.format(count), groups)

    middle = (count - _SHOWN) // 2
    parts = {
        f"The {_SHOWN} best": slice(0, _SHOWN),
        f"The {_SHOWN} in the middle": slice(middle, middle + _SHOWN),
        f"The {_SHOWN} worst": slice(count - _SHOWN, count),
    }
    save("ranked.png", parts if count > 3 * _SHOWN else {"All of them": slice(0, count)})
    for page, start in enumerate(range(0, count, _PAGE) if options.all else (), start=1):
        stop = min(start + _PAGE, count)
        save(f"ranked_{page:03}.png", {f"{start + 1:,} to {stop:,} of {count:,}": slice(start, stop)})
