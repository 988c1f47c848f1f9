"""Checkpoints of a run: Orbax, the last few kept, none believed without a look."""

import contextlib
import dataclasses
import glob
import logging
import re
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from pix2pix_jax.errors import UserError
from pix2pix_jax.files import why_not_written
from pix2pix_jax.state import TrainState

_logger = logging.getLogger(__name__)

_CHECKSUM = "crc32"
_SETTLING_SECONDS = 0.5  # that a run may need to remove an old checkpoint, and threads to end after an error


def newest(directory: Path) -> int:
    """Step of the newest whole checkpoint in a folder, 0 where there is none; asks the file system alone."""
    return max(steps(directory), default=0)


def steps(directory: Path) -> list[int]:
    """Steps of the whole checkpoints in a folder, rising."""
    try:
        # Not 007, which would be looked for as 7.
        return sorted(int(path.name) for path in directory.iterdir() if re.fullmatch("0|[1-9][0-9]*", path.name))
    except (FileNotFoundError, NotADirectoryError):
        return []


def read_newest(directory: Path, like: TrainState) -> TrainState | None:
    """Reads the newest checkpoint that is sound, of a run that may be going on; changes nothing.

    Args:
        directory: the folder of the run's checkpoints.
        like: a state of the same structure and shapes, or its `jax.eval_shape`.

    Returns:
        The state as NumPy arrays; None where there is no checkpoint.

    Raises:
        UserError: if there are checkpoints, and none of them can be read, or is of this structure.
    """
    damaged: dict[int, str] = {}
    while left := set(steps(directory)) - damaged.keys():
        step = max(left)
        try:
            state = TrainState(**_read(directory, step, _tree(like)))
        except _DamagedError as error:
            if (directory / str(step)).exists():  # else its run has just removed it
                damaged[step] = str(error)
            continue
        for other in sorted(number for number in damaged if number > step):
            bad = directory / str(other)
            _logger.warning("the checkpoint %s is damaged (%s): step %d is used instead", bad, damaged[other], step)
        return state
    if damaged:
        step = max(damaged)
        raise UserError(
            f"the checkpoint {directory / str(step)} cannot be read ({damaged[step]}), and there is no older one that"
            " can: if it is of another version of this package, use that one; else start again, in another --workdir"
        )
    return None


def read(directory: Path, like: TrainState, step: int) -> TrainState:
    """Reads the checkpoint after so many steps; the arguments as for `read_newest`.

    Raises:
        UserError: if there is none, or it cannot be read, or is not of this structure.
    """
    there = steps(directory)
    if step not in there:
        raise UserError(f"{directory} has no checkpoint {step}: it has {', '.join(map(str, there)) or 'none'}")
    try:
        return TrainState(**_read(directory, step, _tree(like)))
    except _DamagedError as error:
        place = directory / str(step)
        raise UserError(f"the checkpoint {place} cannot be read ({error}): give another step") from error


class Checkpoints(AbstractContextManager):
    """The checkpoints in the folder of a run that is being trained, one a step, as a context manager.

    A checkpoint appears under its name only when it is whole, and a checksum is kept with it. The processes of a run
    call the same methods in the same order: Orbax has process 0 write a state of NumPy arrays, and all of them read it.
    """

    def __init__(self, directory: Path, keep: int) -> None:
        """Opens the folder, which is made where there is none, to keep so many of the newest."""
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._opened = ExitStack()
        self._opened.enter_context(_settled())
        # Training waits for each checkpoint (0.2 s for 25 MB, 1.3 s for 686 MB on a local disk), since the steps that
        # it took meanwhile would be lost beside a whole interval when it is killed.
        options = ocp.CheckpointManagerOptions(
            max_to_keep=keep, cleanup_tmp_directories=True, enable_async_checkpointing=False
        )
        self._manager = ocp.CheckpointManager(self._opened.enter_context(_plain_name(directory)), options=options)
        self._looked = self._failed = False

    def set_aside_damaged(self, restored: int) -> None:
        """Renames those newer than the one that was read, so that their steps can be saved again.

        Of several processes one does so, after all of them have read.

        Args:
            restored: the step of the newest that is sound, see `read_newest`; 0 where there is none.
        """
        damaged = [step for step in steps(self.directory) if step > restored]
        for step in damaged if jax.process_index() == 0 else ():
            aside = f"damaged_{step}"
            if earlier := len(list(self.directory.glob(f"{aside}*"))):
                aside += f"_{earlier}"
            (self.directory / str(step)).rename(self.directory / aside)
        self._manager.reload()

    def save(self, state: TrainState) -> None:
        """Writes a state that is on the host; reads the first one back.

        Raises:
            UserError: if the checkpoint cannot be written, or the first cannot be read back.
        """
        step, tree = int(state.step), _tree(state)
        try:
            self._manager.save(step, args=ocp.args.StandardSave(tree), custom_metadata={_CHECKSUM: _checksum(tree)})
            if not self._looked:
                _read(self.directory, step, tree)
            self._looked = True
        except _DamagedError as error:
            self._failed = True
            raise UserError(
                f"the checkpoint {self.directory / str(step)} was written and cannot be read back ({error}), so"
                " training on would be in vain: choose another --workdir, on another disk"
            ) from error
        except Exception as error:  # Orbax's errors are of many types, and long
            self._failed = True
            size, kept = sum(leaf.nbytes for leaf in jax.tree.leaves(tree)) / 1e6, newest(self.directory)
            raise UserError(
                f"cannot write a checkpoint, of up to {size:,.2f} MB, into {self.directory}:"
                f" {why_not_written(self.directory, _root_of(error))};"
                + (f" it goes on from step {kept}" if kept else " there is no checkpoint yet, so it starts anew")
            ) from error

    def __exit__(self, *_: object) -> None:
        """Lets go of the folder."""
        with self._opened:
            if not self._failed:
                self._manager.close()


class _DamagedError(Exception):
    """A checkpoint cannot be read, or is not what was saved."""


def _read(directory: Path, step: int, like: dict[str, Any]) -> dict[str, Any]:
    """Reads the parts of a state, and compares them with the checksum that was kept with them.

    Raises:
        _DamagedError: if they cannot be read, or are others.
    """
    template = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    wanted = ocp.args.Composite(default=ocp.args.StandardRestore(template))
    try:
        with (
            _settled(),
            _plain_name(directory / str(step)) as place,
            ocp.Checkpointer(ocp.CompositeCheckpointHandler()) as reader,
        ):
            tree = reader.restore(place, args=wanted).default
            metadata = reader.metadata(place).custom_metadata or {}
    except Exception as error:  # what Orbax raises follows from where the damage is
        raise _DamagedError((str(_root_of(error)).splitlines() or [type(error).__name__])[0][:120]) from error
    if metadata.get(_CHECKSUM, _checksum(tree)) != _checksum(tree):  # runs of earlier versions have none
        raise _DamagedError("its numbers are not those that were saved")
    return tree


@contextlib.contextmanager
def _settled() -> Iterator[None]:
    """Where a file cannot be read or written, threads at work on others need a moment to end."""
    try:
        yield
    except Exception:
        time.sleep(_SETTLING_SECONDS)
        raise


def _root_of(error: Exception) -> Exception:
    """The error that began it: Orbax raises others on top."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return error


def _tree(state: TrainState) -> dict[str, Any]:
    """A state as it is kept: of a moving average it says nothing where there is none, as in runs older than that."""
    parts = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    return parts if state.ema else {name: part for name, part in parts.items() if name != "ema"}


def _checksum(tree: Any) -> int:
    """CRC-32 of all arrays, their types and shapes."""
    value = 0
    for leaf in map(np.ascontiguousarray, jax.tree.leaves(tree)):
        value = zlib.crc32(f"{leaf.dtype}{leaf.shape}".encode(), value)
        value = zlib.crc32(leaf.reshape(-1).view(np.uint8).data, value)
    return value


@contextlib.contextmanager
def _plain_name(directory: Path) -> Iterator[Path]:
    """A name for a folder without `[`, `*` and `?`, which Orbax takes for a pattern: a link to it, where it has any."""
    path = directory.resolve()  # which need not be there yet
    if glob.escape(str(path)) == str(path):
        yield path
        return
    with tempfile.TemporaryDirectory() as links:
        link = Path(links) / "link"
        link.symlink_to(path, target_is_directory=True)
        yield link
