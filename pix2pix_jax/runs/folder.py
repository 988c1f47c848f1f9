"""A run's folder: who trains in it, which experiment, and on which photographs."""

import dataclasses
import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pix2pix_jax import files
from pix2pix_jax.config import Config, leaves, stored
from pix2pix_jax.errors import UserError

CONFIG_FILE = "config.json"
PHOTOGRAPHS_FILE = "photographs.json"
LOCK_FILE = "lock"

_ROOTS = ("data.root", "data.eval_root")

# What may differ when a run goes on. Any other key would make the second part of the run another experiment.
_MAY_CHANGE = {
    "num_epochs",
    "num_steps",
    "saturation",
    "average_mirrored",
    "coloring_side",
    "test_time",
    "adam.learning_rate",
    "adam.discriminator_learning_rate",
    "adam.schedule_start",
    "adam.schedule_end",
    "task.input_split",
    "task.output_depth",
    "task.joined_aspect",
    "log_every_steps",
    "eval_every_steps",
    "sample_every_steps",
    "checkpoint_every_steps",
    "checkpoints_to_keep",
    "data.eval_images",
    "data.tfds_dir",
    "data.cache",
    "data.cache_dir",
    "data.num_workers",
}

Photographs = dict[str, tuple[int, str]]
"""How many there are, and their `ImageSource.identity`: of those to train on, and of those held out."""


class RunFolder(AbstractContextManager):
    """A run's folder while one process trains in it, as a context manager; a second is refused, see `files.lock`."""

    def __init__(self, path: Path) -> None:
        """Makes the folder where there is none, and takes it.

        Raises:
            UserError: if it cannot be written to, or another process trains in it.
        """
        self.path = path
        try:
            for name in ("samples", "checkpoints"):
                (path / name).mkdir(parents=True, exist_ok=True)
            self._lock = (path / LOCK_FILE).open("w")
        except OSError as error:
            raise UserError(f"cannot write to {path} ({error.strerror}): choose another --workdir") from error
        if not files.lock(self._lock):
            self._lock.close()
            raise UserError(f"another process trains in {path}: wait until it has ended, or choose another --workdir")

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def claim(self, config: Config, photographs: Photographs, resuming: bool) -> list[str]:
        """Notes the run's config and photographs, after checking that a run to be resumed is this experiment.

        Returns:
            What the user should know: one sentence for each part of the photographs that has changed.

        Raises:
            UserError: if the run in the folder is another experiment, or has other photographs from elsewhere, or
                a file cannot be read or written.
        """
        before = self._photographs() if resuming else {}
        if resuming:
            self.check(config, photographs)
        self._write(CONFIG_FILE, dataclasses.asdict(config))
        self._write(PHOTOGRAPHS_FILE, photographs)
        return [
            f"the photographs {part} have changed since the run began: {before[part][0]:,} then, {now[0]:,} now; it"
            " goes on with these"
            for part, now in photographs.items()
            if before.get(part, now) != now
        ]

    def config(self) -> Config | None:
        """The config with which the run was last started; None where there is none.

        Raises:
            UserError: if it cannot be read.
        """
        return self._read(CONFIG_FILE, stored)

    def _photographs(self) -> Photographs:
        """As noted when the run was last started; empty for a run of a version that noted none."""
        return self._read(PHOTOGRAPHS_FILE, lambda noted: {part: tuple(each) for part, each in noted.items()}) or {}

    def _read(self, name: str, parse: Callable[[Any], Any]) -> Any:
        """What a file of the folder holds; None where there is none."""
        path = self.path / name
        try:
            return parse(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
        except UserError as error:
            raise UserError(f"{path} cannot be used here ({error}): use the version that made it") from error
        except (AttributeError, TypeError, ValueError) as error:
            raise UserError(
                f"{path} is damaged, so whether this run is the same cannot be checked: rename the file, and the same"
                " command writes it anew"
            ) from error

    def check(self, config: Config, photographs: Photographs) -> None:
        """Raises UserError if the run in the folder is another experiment, or has other photographs from elsewhere."""
        same_photographs = self._photographs() == photographs
        before = self.config()
        old = leaves(before) if before else {}
        for key, value in leaves(config).items():
            if key in _MAY_CHANGE or old.get(key, value) == value or (same_photographs and key in _ROOTS):
                continue
            raise UserError(
                f"{self.path} holds a run with config.{key}={old[key]}, and {value} is asked for:"
                " choose another --workdir, or ask for the same"
            )

    def _write(self, name: str, content: Any) -> None:
        """Writes a file unless it already says just that."""
        path, text = self.path / name, json.dumps(content, indent=2) + "\n"
        with files.writing(path):
            if path.exists() and path.read_bytes() == text.encode():
                return
        files.write_text(path, text)
