"""Measures training steps and colouring, here and in PyTorch, in one run on one device.

    python benchmarks/throughput.py [--batch-size N] [--image-size N] [--experiment NAME] [--json FILE] [--only NAME]

Each row has a process of its own, which warms up and then waits for its turns. Round after round, each takes a few
timed steps, so that a machine that becomes slower affects all rows alike. README.md in this folder says what each
number means.
"""

import argparse
import json
import multiprocessing
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script looks for modules in its own folder alone

from benchmarks.timing import report
from benchmarks.timing.rows import GROUPS, ROWS
from benchmarks.timing.turns import COLOURINGS, ROUNDS, measure


def main() -> None:
    """Measures, prints the tables, and writes the JSON."""
    arguments = parse_arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        found = measure(arguments, Path(scratch))
    print()
    print(report.markdown(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n")


def parse_arguments(given: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-size", type=int, help="64, or 1 for pix2pix")
    parser.add_argument("--image-size", type=int, help="96, a multiple of 32; or 256 for pix2pix, a multiple of 256")
    parser.add_argument("--experiment", default="ycrcb_rgb", help="which of the five; or pix2pix, the paper's networks")
    parser.add_argument(
        "--steps",
        type=int,
        help=f"timed steps of each row, in up to {ROUNDS} turns, and {COLOURINGS} times as many batches for colouring"
        f" alone; {ROUNDS} on a CPU, {20 * ROUNDS} elsewhere",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the numbers")
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        choices=[*GROUPS, *(row.name for row in ROWS)],
        help=f"a row or a group of rows ({', '.join(GROUPS)}) to measure; may be given several times",
    )
    arguments = parser.parse_args(given)
    usual_batch, usual_size, multiple = (1, 256, 256) if arguments.experiment == "pix2pix" else (64, 96, 32)
    arguments.batch_size = usual_batch if arguments.batch_size is None else arguments.batch_size
    arguments.image_size = arguments.image_size or usual_size
    if min(arguments.batch_size, arguments.image_size, arguments.steps or 1) < 1 or arguments.image_size % multiple:
        parser.error(f"batch size and steps must be 1 or more, the image size a multiple of {multiple}")
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        parser.error(f"there is no folder for {arguments.json}")
    return arguments


def _end(signal_number: int, _frame: object) -> NoReturn:
    """Ends with all workers, which would otherwise finish their step first."""
    for process in multiprocessing.active_children():
        process.kill()
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    main()
