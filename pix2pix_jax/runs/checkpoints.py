"""Checkpoints of a run: Orbax, written while training goes on, the last few kept."""

import dataclasses
import logging
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from pix2pix_jax.errors import UserError
from pix2pix_jax.state import TrainState

# Orbax tells every save in a dozen lines, which would bury the run's own report.
logging.getLogger("absl").addFilter(lambda record: record.levelno > logging.INFO or "orbax" not in record.pathname)


def newest(directory: Path) -> int:
    """Step of the newest whole checkpoint in a folder, 0 where there is none; asks the file system alone."""
    return max((int(path.name) for path in directory.glob("*") if path.name.isdecimal()), default=0)


def _tree(state: TrainState) -> dict[str, Any]:
    """A state as it is kept: of a moving average it says nothing where there is none, as in runs older than that."""
    parts = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    return parts if state.ema else {name: part for name, part in parts.items() if name != "ema"}


class Checkpoints(AbstractContextManager):
    """The checkpoints in a run's folder, one a step, as a context manager.

    A checkpoint appears under its name only when it is whole, so that a run killed while it writes one leaves the
    earlier ones as they were. Where several processes share a run, all of them open the same folder, and call the
    same methods in the same order: of a state in NumPy arrays Orbax has process 0 write everything, and every process
    read everything.
    """

    def __init__(self, directory: Path, keep: int) -> None:
        """Opens the folder, which is made where there is none.

        Args:
            directory: the folder.
            keep: how many of the newest to keep.
        """
        self.directory = directory
        self._manager = ocp.CheckpointManager(
            directory.resolve(), options=ocp.CheckpointManagerOptions(max_to_keep=keep)
        )

    @property
    def latest_step(self) -> int:
        """Step of the newest checkpoint, 0 where there is none."""
        return self._manager.latest_step() or 0

    @property
    def steps(self) -> list[int]:
        """Steps of all checkpoints, rising."""
        return sorted(self._manager.all_steps())

    def restore(self, like: TrainState, step: int | None = None) -> TrainState:
        """Reads a checkpoint.

        Args:
            like: a state of the same structure and shapes, or its `jax.eval_shape`.
            step: which one; None for the newest.

        Returns:
            The state as NumPy arrays.

        Raises:
            UserError: if the checkpoint cannot be read, or is not of this structure.
        """
        step = self.latest_step if step is None else step
        if step not in self.steps:
            raise UserError(f"{self.directory} has no checkpoint {step}: it has {', '.join(map(str, self.steps))}")
        template = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), _tree(like))
        try:
            return TrainState(**self._manager.restore(step, args=ocp.args.StandardRestore(template)))
        except (ValueError, KeyError, TypeError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(
                f"the checkpoint {self.directory / str(step)} cannot be read ({reason}):"
                " remove it to go on from the one before it"
            ) from error

    def save(self, state: TrainState) -> None:
        """Starts writing a checkpoint and returns; waits first where the previous one is still being written.

        Args:
            state: the state, on the host: it must not change until the checkpoint is written.
        """
        self._manager.save(int(state.step), args=ocp.args.StandardSave(_tree(state)))

    def close(self) -> None:
        """Waits until what was saved is on the disk."""
        self._manager.wait_until_finished()
        self._manager.close()

    def __exit__(self, *_: object) -> None:
        self.close()
