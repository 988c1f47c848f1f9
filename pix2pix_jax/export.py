"""Writes a trained generator as one file that colours without this package: `pix2pix-export [RUN] OUT`.

The file is a `jax.export` artifact: StableHLO with the weights in it, for any number of photographs of any size that
the generator takes.
"""

import argparse
import os
from pathlib import Path

import jax
import jax.numpy as jnp
from jax import export

from pix2pix_jax import cli, step
from pix2pix_jax.errors import UserError
from pix2pix_jax.generator import SIZE_MULTIPLE
from pix2pix_jax.output import replacing
from pix2pix_jax.trained import TrainedGenerator, load_trained

PLATFORMS = ("cpu", "cuda", "tpu")
"""Where the exported program runs, wherever it was exported."""


def export_generator(trained: TrainedGenerator) -> export.Exported:
    """Traces a generator for every size at once, its weights as constants.

    Args:
        trained: the generator.

    Returns:
        A program that does what `TrainedGenerator.colorize` does, for one batch: uint8 RGB [batch, height, width, 3] to
        RGB float32 of the same shape in [0, 1]; height and width divisible by 16.
    """
    kept = jax.tree.map(_narrowest, (trained.params, trained.averages))

    def colorize(images: jax.Array) -> jax.Array:
        # Widened inside the program, so that the file holds what was kept.
        params, averages = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), kept)
        return step.colorize(trained.model, params, averages, images)

    shape = export.symbolic_shape(f"batch, {SIZE_MULTIPLE}*rows, {SIZE_MULTIPLE}*columns, 3")
    return export.export(jax.jit(colorize), platforms=PLATFORMS)(jax.ShapeDtypeStruct(shape, jnp.uint8))


def _narrowest(weights: jax.Array) -> jax.Array:
    """The weights as float16 where that holds them exactly, as it does all kernels from a file: half the size."""
    narrow = jnp.asarray(weights, jnp.float16)
    return narrow if jnp.array_equal(narrow.astype(jnp.float32), weights) else jnp.asarray(weights)


def write_export(trained: TrainedGenerator, out: Path) -> None:
    """Writes a generator's export under a temporary name, then renames it.

    Args:
        trained: the generator.
        out: the file to write; one that is there already is replaced.

    Raises:
        UserError: if the file cannot be written; nothing is left behind then.
    """
    content = export_generator(trained).serialize()
    try:
        with replacing(out) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror})") from error


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="pix2pix-export",
        description="Writes a trained generator as one file (StableHLO) that colours with jax alone, without this"
        " package, on CPU, GPU and TPU.",
    )
    parser.add_argument(
        "run",
        metavar="RUN",
        nargs="?",
        help="a run's folder, of which the newest checkpoint is taken, or a .safetensors file of a generator; the"
        " generator that comes with the package where not given",
    )
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT where it is there already")
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
    trained = load_trained(given.run)
    # Locations name the source files by their paths on this machine, which are nobody's business elsewhere.
    jax.config.update("jax_traceback_in_locations_limit", 0)
    write_export(trained, given.out)
    print(f"wrote {given.out} ({given.out.stat().st_size / 1e6:.1f} MB)")


def main() -> None:
    """The command `pix2pix-export`."""
    cli.run_command(_export)


if __name__ == "__main__":
    main()
