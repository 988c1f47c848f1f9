"""The processes of one run: keeping in step, stopping after the same step, noticing that one has died."""

import atexit
import os
import socket
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import jax
import numpy as np
from jax import lax
from jax._src import distributed as jax_distributed
from jax.experimental import multihost_utils

from pix2pix_jax import checkpoints
from pix2pix_jax.errors import UserError

_PREFIX = "pix2pix_jax/alive/"  # of keys in the coordination service
_BEAT = 1.0  # seconds between two signs of life
_LEFT, _ENDED = "left", "ended"  # the last sign: as agreed with the others, or over an error

# The coordination service dies with process 0: it stays this long, s, for the others to see why.
_LAST_WORDS = 10.0

# Steps until a signal is acted upon, see `Peers.agree`.
_STEPS_TO_AGREE = 2

# The longest wait for another process that is alive, such as one that judges 256 held-out images, ms.
_PATIENCE = 3_600_000


class Peers:
    """This process and the others of its run, as a context manager.

    Every process gives a sign of life each second, through JAX's coordination service in process 0, and looks at
    those of the others. A process that has died leaves the others waiting for it inside a collective operation, on
    some backends for ever; whoever notices ends its own process with one line.
    """

    def __init__(self, index: int = 0, count: int = 1, lost_timeout: float = 30.0) -> None:
        """Starts to watch the others, where there are any.

        Args:
            index: this process, from 0; 0 writes the run's folder and tells what the run does.
            count: processes in the run; `jax.distributed` has been initialized where there are several.
            lost_timeout: seconds without a sign of life until a process is taken for dead.
        """
        self.index = index
        self.count = count
        self.checkpoints: Path | None = None
        """The run's folder of checkpoints, for the message, once it is known."""
        self._lost_timeout = lost_timeout
        self._barriers = 0
        self._signals: deque[jax.Array] = deque()
        self._stopped = threading.Event()
        self._saying = threading.Lock()
        self._farewell = False
        if count > 1:
            # There is no public way to the service, which Orbax uses in the same way.
            self._client: Any = jax_distributed.global_state.client
            self._address = jax_distributed.global_state.coordinator_address or ""
            self._largest = jax.pmap(lambda number: lax.pmax(number, "all"), "all", out_axes=None)
            self._watch = threading.Thread(target=self._run, name="peers", daemon=True)
            self._watch.start()

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.index == 0

    def agree(self, signal_number: int) -> int:
        """The signal that all processes stop for after the present step; to be called by all after each step.

        The answer is that of two steps ago, which the device has ready: nothing waits for it.

        Args:
            signal_number: the signal that this process has caught, 0 for none.

        Returns:
            The same number in every process, 0 for none; one process alone follows its signal at once.
        """
        if self.count == 1:
            return signal_number
        self._signals.append(self._largest(np.full(jax.local_device_count(), signal_number, np.int32)))
        return int(self._signals.popleft()) if len(self._signals) > _STEPS_TO_AGREE else 0

    def wait(self) -> None:
        """Waits until every process is here, for as long as they live."""
        if self.count > 1:
            self._barriers += 1
            self._client.wait_at_barrier(f"pix2pix_jax/{self._barriers}", _PATIENCE)

    def check_alike(self, values: dict[str, int], directory: Path) -> None:
        """Checks that every process sees the same.

        Args:
            values: numbers by what they tell of the folder or the data.
            directory: the run's folder.

        Raises:
            UserError: in every process, if a number differs; names it and the processes.
        """
        if self.count == 1:
            return
        everywhere = multihost_utils.process_allgather(np.array(list(values.values()), np.int32))
        for name, numbers in zip(values, np.asarray(everywhere).T, strict=True):
            odd = int(np.argmax(numbers != numbers[0]))
            if odd:
                raise UserError(
                    f"process 0 sees {numbers[0]} for {name}, and process {odd} sees {numbers[odd]}: all processes need"
                    f" the same photographs, and a --workdir ({directory}) on a file system that they share"
                )

    def client_failed(self) -> None:
        """Ends this process at once if process 0 does not answer, or as soon as the watch knows who has died.

        Returns if nobody has, which the watch knows by then. A process that is being killed may answer for a moment.
        """
        host, _, port = self._address.rpartition(":")
        end = time.monotonic() + self._lost_timeout + 5 * _BEAT
        while time.monotonic() < end:
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=2.0).close()
            except OSError:
                self._lost("process 0")
            time.sleep(_BEAT / 5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Takes leave: of all together where all end as agreed, and of those that wait for this one otherwise."""
        if self.count == 1:
            return
        if error is None or isinstance(error, SystemExit):
            self._say(_LEFT)
            jax.distributed.shutdown()
            self._stopped.set()
            return
        if isinstance(error, jax.errors.JaxRuntimeError):
            # Most likely another process's end, seen from inside a collective operation: the watch knows.
            time.sleep(self._lost_timeout + 5 * _BEAT)
        self._stopped.set()
        self._say(_ENDED)
        end = time.monotonic() + _LAST_WORDS
        while self.first and time.monotonic() < end and not self._all_gone():
            time.sleep(_BEAT / 5)
        # JAX would wait for the others when Python ends; they are not coming.
        atexit.register(os._exit, 1)

    def _say(self, sign: str) -> None:
        with self._saying:
            if not self._farewell:  # nothing comes after it
                self._client.key_value_set(f"{_PREFIX}{self.index}", sign, allow_overwrite=True)
            self._farewell |= sign in (_LEFT, _ENDED)

    def _signs(self) -> dict[int, str]:
        found = self._client.key_value_dir_get(_PREFIX)
        return {int(key.rsplit("/", 1)[1]): sign for key, sign in found}

    def _all_gone(self) -> bool:
        return [sign in (_LEFT, _ENDED) for sign in self._signs().values()] == [True] * self.count

    def _run(self) -> None:
        seen = {process: ("", time.monotonic()) for process in range(self.count)}
        for beat in range(2**62):
            try:
                self._say(str(beat))
                signs = self._signs()
            except RuntimeError:  # the coordinator may be gone; nobody is heard of then
                signs = {}
            now = time.monotonic()
            for process, sign in signs.items():
                if sign != seen[process][0]:
                    seen[process] = (sign, now)
            for process, (sign, when) in seen.items():
                if process == self.index or sign == _LEFT:
                    continue
                if sign == _ENDED or now - when > self._lost_timeout:
                    self._lost(f"process {process}", heard=sign == _ENDED)
            if self._stopped.wait(_BEAT):
                return

    def _lost(self, who: str, heard: bool = False) -> None:
        """Ends this process with one line: its main thread may wait for the other one for ever."""
        step = checkpoints.newest(self.checkpoints) if self.checkpoints else 0
        then = f"they go on from the checkpoint of step {step:,}" if step else "there is no checkpoint yet"
        print(
            f"error: another process of this run has ended ({who}): start all of them again, {then}",
            file=sys.stderr,
            flush=True,
        )
        if heard:  # so that the one that waits for this one waits no longer
            self._say(_ENDED)
        os._exit(1)
