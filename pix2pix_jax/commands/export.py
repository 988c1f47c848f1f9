"""Writes a trained generator as one file for others to use: `pix2pix-export [RUN] OUT`."""

import argparse
import logging
import os
import re
from collections.abc import Sequence
from functools import partial

import jax

from pix2pix_jax.commands import cli
from pix2pix_jax.commands.arguments import add_flags, load_generator, make_parser
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import replacing, typed_path, writing
from pix2pix_jax.inference import pth_files
from pix2pix_jax.inference.export import export_generator
from pix2pix_jax.inference.onnx_files import export_onnx
from pix2pix_jax.inference.trained import load_run
from pix2pix_jax.networks import pytorch


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command; its arguments are the process's own where they are None."""
    # Intermixed: else a flag between RUN and OUT would have RUN taken for OUT.
    cli.run_command(lambda: _export(_parser().parse_intermixed_args(arguments)))


def _parser() -> argparse.ArgumentParser:
    parser = make_parser(
        "pix2pix-export",
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
    parser.add_argument("--size", type=_size, metavar="HxW", help="of .onnx: px (default: a square of its own scale)")
    parser.add_argument("--split", action="store_true", help="of .onnx: what follows points goes to OUT.guide.onnx")
    add_flags(parser, "--overwrite", "--step", "--test-time")
    return parser


def _size(text: str) -> list[int]:
    if not re.fullmatch(r"\d{1,4}x\d{1,4}", text):
        raise argparse.ArgumentTypeError(f"{text} is not HEIGHTxWIDTH, such as 160x224")
    return [int(length) for length in text.split("x")]


def _export(options: argparse.Namespace) -> None:
    run, out = options.checkpoint, options.out
    if run and os.path.realpath(run) == os.path.realpath(out):
        raise UserError(f"RUN and OUT are both {out}: give OUT another name")
    # os.path's, because Path's raise where a folder may not be entered.
    if os.path.isdir(out):
        raise UserError(f"{out} is a folder: OUT is the file to write")
    if (options.size or options.split) and out.suffix.lower() != ".onnx":
        raise UserError(f"--size and --split are of an .onnx file, got {out}")
    options.files = [out, *([out.with_suffix(".guide.onnx")] if options.split else [])]
    for file in options.files:
        if os.path.lexists(file) and not options.overwrite:
            raise UserError(f"{file} is there already: give --overwrite to replace it, or another name")
    (_export_discriminator if options.discriminator else _export_generator)(options)
    for file in options.files:
        print(f"wrote {file} ({file.stat().st_size / 1e6:.1f} MB)")


def _export_generator(options: argparse.Namespace) -> None:
    trained, kind = load_generator(options), options.out.suffix.lower()
    if kind in pth_files.SUFFIXES:
        if options.test_time:
            raise UserError("--test-time: a .pth file does not say how it is run; their test.py has --eval")
        trained.save(options.out)
        if flags := pytorch.flags_of(trained.config.generator):
            print(flags)
    elif kind == ".safetensors":
        trained.save(options.out)
    else:
        # Locations name the source files by their paths on this machine, which are nobody's business elsewhere.
        jax.config.update("jax_traceback_in_locations_limit", 0)
        logging.getLogger("onnx_ir").setLevel(logging.ERROR)  # it warns of shapes that it leaves out
        if kind == ".onnx":
            contents = [model.SerializeToString() for model in export_onnx(trained, options.size, split=options.split)]
        else:
            contents = [export_generator(trained).serialize()]
        for file, content in zip(options.files, contents, strict=True):
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
