"""Writes a trained generator as one file for others to use: `pix2pix-export [RUN] OUT`."""

import argparse
import logging
import os
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import jax

from pix2pix_jax.commands import cli
from pix2pix_jax.commands.arguments import add_flags, load_generator
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing, typed_path, writing
from pix2pix_jax.inference import TrainedGenerator, onnx_files, pth_files
from pix2pix_jax.inference.export import export_generator
from pix2pix_jax.inference.trained import load_run
from pix2pix_jax.networks import pytorch


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; its arguments are the process's own where they are None."""
    # Intermixed: else a flag between RUN and OUT would have RUN taken for OUT.
    cli.run_command(lambda: _export(_parser().parse_intermixed_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pix2pix-export",
        description="Writes a trained generator as one file, by OUT's ending: .safetensors, to colour or translate with"
        " this package; .pth, for the pix2pix authors' PyTorch code; .onnx, of one size, for onnxruntime and browsers;"
        " any other, StableHLO that runs with jax alone, without this package, on CPU, GPU and TPU.",
    )
    parser.add_argument(
        "checkpoint",
        metavar="RUN",
        nargs="?",
        help="a run's folder, of which the newest checkpoint is taken, or a .safetensors or .pth file of a generator;"
        " the generator that comes with the package where not given",
    )
    parser.add_argument("out", metavar="OUT", type=partial(typed_path, what="OUT"), help="the file to write")
    parser.add_argument(
        "--discriminator", action="store_true", help="write the run's discriminator instead; OUT must end with .pth"
    )
    parser.add_argument(
        "--size",
        type=_size,
        metavar="HxW",
        help="of an .onnx file, height and width of what it takes, px (default: a square of the generator's scale)",
    )
    parser.add_argument(
        "--split",
        action="store_true",
        help="write OUT.onnx, which colours without points, and OUT.guide.onnx, which goes on from there with points of"
        " colour: it alone need run again where they change",
    )
    add_flags(parser, "--overwrite", "--step", "--test-time")
    return parser


def _size(text: str) -> tuple[int, int]:
    if not (match := re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)):
        raise argparse.ArgumentTypeError(f"{text} is not HEIGHTxWIDTH, such as 160x224")
    return int(match[1]), int(match[2])


def _export(options: argparse.Namespace) -> None:
    run, out = options.checkpoint, options.out
    if run and os.path.realpath(run) == os.path.realpath(out):
        raise UserError(f"RUN and OUT are both {out}: give OUT another name")
    # os.path's, because Path's raise where a folder may not be entered.
    if os.path.isdir(out):
        raise UserError(f"{out} is a folder: OUT is the file to write")
    if (options.size or options.split) and (options.discriminator or out.suffix.lower() != onnx_files.SUFFIX):
        raise UserError(f"--size and --split are of a generator's {onnx_files.SUFFIX} file, got {out}")
    files = [out, out.with_suffix(f".guide{out.suffix}")] if options.split else [out]
    for file in files:
        if os.path.lexists(file) and not options.overwrite:
            raise UserError(f"{file} is there already: give --overwrite to replace it, or another name")
    if options.discriminator:
        _export_discriminator(options)
    else:
        _export_generator(options, files)
    for file in files:
        print(f"wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")


def _export_generator(options: argparse.Namespace, files: Sequence[Path]) -> None:
    trained, kind = load_generator(options), options.out.suffix.lower()
    if kind in pth_files.SUFFIXES:
        if options.test_time:
            raise UserError("--test-time: a .pth file does not say how it is run; their test.py has --eval")
        trained.save(options.out)
        if flags := pytorch.flags_of(trained.config.generator):
            print(flags)
    elif kind == ".safetensors":
        trained.save(options.out)
    elif kind == onnx_files.SUFFIX:
        _write_onnx(trained, files, options)
    else:
        # Locations name the source files by their paths on this machine, which are nobody's business elsewhere.
        jax.config.update("jax_traceback_in_locations_limit", 0)
        _write(options.out, export_generator(trained).serialize())


def _write_onnx(trained: TrainedGenerator, files: Sequence[Path], options: argparse.Namespace) -> None:
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)  # it warns of shapes that it leaves out
    if options.split:
        models = onnx_files.export_onnx_split(trained, options.size)
    else:
        models = (onnx_files.export_onnx(trained, options.size),)
    for file, model in zip(files, models, strict=True):
        _write(file, model.SerializeToString())


def _write(file: Path, content: bytes | bytearray) -> None:
    with writing(file), replacing(file) as temporary:
        temporary.write_bytes(content)


def _export_discriminator(options: argparse.Namespace) -> None:
    if options.out.suffix.lower() not in pth_files.SUFFIXES:
        raise UserError(f"--discriminator: {options.out} must end with .pth")
    folder = typed_path(options.checkpoint or "", "RUN")
    if not options.checkpoint or not folder.is_dir():
        raise UserError(f"--discriminator: RUN must be a run's folder, got {options.checkpoint}")
    cli.check_devices()
    config, state = load_run(folder, options.step)
    if state.discriminator is None:
        raise UserError(f"the run {folder} has no discriminator")
    pth_files.write(options.out, pytorch.discriminator_to_torch(config.discriminator, state.discriminator.params))


if __name__ == "__main__":
    main()
