"""Writes a trained generator as one file for others to use: `pix2pix-export [RUN] OUT`."""

import argparse
import os
from functools import partial
from pathlib import Path

import jax

from pix2pix_jax.commands import cli
from pix2pix_jax.commands.arguments import add_step, add_test_time, at_test_time
from pix2pix_jax.errors import UserError
from pix2pix_jax.files import typed_path
from pix2pix_jax.inference import TrainedGenerator, load_trained, pth_files
from pix2pix_jax.inference.export import write_export
from pix2pix_jax.inference.trained import Step, load_run
from pix2pix_jax.networks import pytorch


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pix2pix-export",
        description="Writes a trained generator as one file, by OUT's ending: .safetensors, to colour or translate with"
        " this package; .pth, for the pix2pix authors' PyTorch code; any other, StableHLO that runs with jax alone,"
        " without this package, on CPU, GPU and TPU.",
    )
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        help="a run's folder, of which the newest checkpoint is taken, or a .safetensors or .pth file of a generator;"
        " the generator that comes with the package where not given",
    )
    parser.add_argument("out", metavar="OUT", type=partial(typed_path, what="OUT"), help="the file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT where it is there already")
    parser.add_argument(
        "--discriminator", action="store_true", help="write the run's discriminator instead; OUT must end with .pth"
    )
    add_step(parser)
    add_test_time(parser)
    # Intermixed: else a flag between RUN and OUT would have RUN taken for OUT.
    return parser.parse_intermixed_args()


def _export() -> None:
    given = _parse()
    if given.run and os.path.realpath(given.run) == os.path.realpath(given.out):
        raise UserError(f"RUN and OUT are both {given.out}: give OUT another name")
    # os.path's, because Path's raise where a folder may not be entered.
    if os.path.isdir(given.out):
        raise UserError(f"{given.out} is a folder: OUT is the file to write")
    if os.path.lexists(given.out) and not given.overwrite:
        raise UserError(f"{given.out} is there already: give --overwrite to replace it, or another name")
    cli.check_devices()
    if given.discriminator:
        _export_discriminator(given.run, given.out, given.step)
    else:
        _export_generator(given, at_test_time(load_trained(given.run, given.step), given.test_time))
    print(f"wrote {given.out} ({given.out.stat().st_size / 1e6:.1f} MB)")


def _export_generator(given: argparse.Namespace, trained: TrainedGenerator) -> None:
    kind = given.out.suffix.lower()
    if kind in pth_files.SUFFIXES:
        if given.test_time:
            raise UserError("--test-time: a .pth file does not say how it is run; their test.py has --eval")
        trained.save(given.out)
        if flags := pytorch.flags_of(trained.config.generator):
            print(flags)
    elif kind == ".safetensors":
        trained.save(given.out)
    else:
        # Locations name the source files by their paths on this machine, which are nobody's business elsewhere.
        jax.config.update("jax_traceback_in_locations_limit", 0)
        write_export(trained, given.out)


def _export_discriminator(run: str | None, out: Path, step: Step) -> None:
    if out.suffix.lower() not in pth_files.SUFFIXES:
        raise UserError(f"--discriminator: {out} must end with .pth")
    folder = typed_path(run, "RUN") if run else None
    if folder is None or not folder.is_dir():
        raise UserError(f"--discriminator: RUN must be a run's folder, got {run}")
    config, state = load_run(folder, step)
    if state.discriminator is None:
        raise UserError(f"the run {run} has no discriminator")
    pth_files.write(out, pytorch.discriminator_to_torch(config.discriminator, state.discriminator.params))


def main() -> None:
    """The command `pix2pix-export`."""
    cli.run_command(_export)


if __name__ == "__main__":
    main()
