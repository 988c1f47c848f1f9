"""The JAX side of the throughput benchmark: whole steps, colouring alone, and the device's rates.

It runs where only JAX, Flax, optax and NumPy are installed.
"""

import itertools
import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.timing.batches import random_batches
from benchmarks.timing.workers import Job, NotRun, Runnable
from pix2pix_jax import step
from pix2pix_jax.config import Config, experiment_config, updated
from pix2pix_jax.inference import generate
from pix2pix_jax.state import build_model
from pix2pix_jax.tasks import TranslationTask
from pix2pix_jax.training import cpu, parallel

_LOOP = 10


def make(job: Job) -> Runnable:
    """Builds what a job asks for."""
    kinds = {"training": Training, "loop": Loop, "inference": Inference, "rates": Rates}
    return kinds[job.kind](job)


class _OnDevice:
    """What all that run on JAX's devices have in common."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {}

    def reset_peak(self) -> bool:
        """Does nothing: XLA counts its peak from the start of the process."""
        return False

    def peak_bytes(self) -> int | None:
        """The most memory that was ever in use on one device."""
        (device, *_) = jax.local_devices()
        stats = None if device.platform == "cpu" else device.memory_stats()
        return stats["peak_bytes_in_use"] if stats else None


class Training(_OnDevice):
    """Whole training steps from a batch on the host, by the mapped step that training takes."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        config = _config(job, mapped=True)
        cpu.one_device_per_core(config)
        model = build_model(config, total_steps=1)
        self._step = parallel.parallel_train_step(model)
        self._state = parallel.place(model.init_compiled(jax.random.key(0)))
        devices = jax.local_device_count()
        each = job.batch_size // devices
        batches = [batch.reshape(devices, each, *batch.shape[1:]) for batch in _batches(job)]
        self._batches: Iterator[np.ndarray] = itertools.cycle(batches)

    def turn(self, steps: int) -> dict[str, float]:
        """Takes steps, then fetches the losses of the last."""
        metrics = {}
        for _ in range(steps):
            self._state, metrics = self._step(self._state, next(self._batches))
        for name, loss in jax.device_get(metrics).items():
            if not math.isfinite(loss):
                raise NotRun(f"{name} became {loss}")
        jax.block_until_ready(self._state)
        return {}


class Loop(_OnDevice):
    """Steps as one program, on batches that lie on the device: the time of a step in which the host has no part."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        model = build_model(_config(job), total_steps=1)
        self._batches = jax.device_put(np.stack(_batches(job)))
        self._state = model.init_compiled(jax.random.key(0))

        def body(index: jax.Array, state: Any, batches: jax.Array) -> Any:
            # The batches take turns, so that the compiler can move no part of a step out of the loop.
            return step.train_step(model, state, batches[index % len(batches)])[0]

        def loop(state: Any, batches: jax.Array) -> Any:
            return lax.fori_loop(0, _LOOP, partial(body, batches=batches), state)

        self._loop = jax.jit(loop, donate_argnums=0)

    def turn(self, steps: int) -> dict[str, float]:
        """Runs loops of at least as many steps as asked for; returns the time of one step."""
        loops = math.ceil(steps / _LOOP)
        start = time.perf_counter()
        for _ in range(loops):
            self._state = self._loop(self._state, self._batches)
        jax.block_until_ready(self._state)
        return {"step": (time.perf_counter() - start) / (loops * _LOOP)}


class Inference(_OnDevice):
    """Photographs coloured, or images translated, with the running averages: uint8 from the host to float RGB."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        model = build_model(_config(job), total_steps=1)
        state = model.init_compiled(jax.random.key(0))
        self._weights = state.trained
        translates = isinstance(model.task, TranslationTask)
        self._make = jax.jit(partial(generate.translate if translates else generate.colorize, model))
        self._batches = itertools.cycle(_batches(job))

    def turn(self, steps: int) -> dict[str, float]:
        """Makes that many batches."""
        made = None
        for _ in range(steps):
            made = self._make(self._weights, next(self._batches))
        jax.block_until_ready(made)
        return {}


class Rates(_OnDevice):
    """The device's best rates: a large matrix product, and a large copy."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        devices = jax.devices()
        task = _config(job).task
        self.info |= {
            "backend": jax.default_backend(),
            "device": devices[0].device_kind,
            "devices": len(devices),
            "versions": {name: version(name) for name in ("jax", "jaxlib", "flax", "optax", "numpy")},
            "generator_channels": task.generator_channels,
            "discriminator_channels": task.discriminator_channels if task.adversarial else 0,
        }
        is_cpu = jax.default_backend() == "cpu"
        side, self._repeats = (1536, 2) if is_cpu else (8192, 10)
        numbers = (1 if is_cpu else 4) * 2**26
        self._flops = 2 * side**3
        self._bytes = 2 * 4 * numbers
        matrix = jnp.asarray(np.random.RandomState(0).standard_normal((side, side)), jnp.float32)
        self._matrices = {name: matrix.astype(name) for name in ("float32", "bfloat16")}
        self._product = jax.jit(jnp.matmul)
        self._copy = jax.jit(lambda numbers: numbers + 1.0)
        self._numbers = jnp.zeros(numbers, jnp.float32)

    def turn(self, steps: int) -> dict[str, float]:
        """Measures the rates, whatever the number of steps."""
        del steps
        products = {name: partial(self._product, matrix, matrix) for name, matrix in self._matrices.items()}
        rates = {f"{name}_flops": self._flops / self._seconds(product) for name, product in products.items()}
        return rates | {"bytes": self._bytes / self._seconds(partial(self._copy, self._numbers))}

    def _seconds(self, function: Callable[[], jax.Array]) -> float:
        made = jax.block_until_ready(function())
        start = time.perf_counter()
        for _ in range(self._repeats):
            made = function()
        jax.block_until_ready(made)
        return (time.perf_counter() - start) / self._repeats


def _config(job: Job, *, mapped: bool = False) -> Config:
    """The config of a job's experiment; only a program that is mapped over devices can share batch statistics."""
    sizes = {"batch_size": job.batch_size, "image_size": job.image_size}
    # At test time PyTorch's rows use the running averages too.
    more = {"dtype": job.precision, "sync_batch_norm": mapped, "test_time": "running"}
    return updated(experiment_config(job.experiment), sizes | more)


def _batches(job: Job) -> list[np.ndarray]:
    """Photographs, or pairs, as the loader gives them."""
    return random_batches(job.batch_size, job.image_size, _config(job).task.batch_channels)
