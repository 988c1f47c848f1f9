"""The JAX side of the throughput benchmark: whole steps, colouring alone, and the device's rates.

Runs where only JAX, Flax, optax and NumPy are: the experiments' tasks stand here as a table, since
`pix2pix_jax.config`, which reads the config files, needs `ml_collections`. A test holds the table to those files.
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
import optax
from jax import lax

from benchmarks.workers import Job, NotRun, Runnable
from pix2pix_jax import cpu, step
from pix2pix_jax.discriminator import Discriminator
from pix2pix_jax.generator import Generator
from pix2pix_jax.state import Model
from pix2pix_jax.task import ColorizationTask

TASKS = {
    "ycrcb_rgb": ColorizationTask("chroma", "rgb", False, 25.0, 75.0),
    "ycrcb_ycrcb": ColorizationTask("chroma", "ycrcb", False, 25.0, 75.0),
    "rgb_rgb_gray": ColorizationTask("rgb", "rgb", True, 100.0, 0.0),
    "rgb_rgb": ColorizationTask("rgb", "rgb", False, 100.0, 0.0),
    "ycrcb_l1": ColorizationTask("chroma", "none", False, 25.0, 75.0),
}
"""As `configs/NAME.py` has them."""

_LOOP = 10


def make(job: Job) -> Runnable:
    """Builds what a job asks for."""
    kinds = {"training": Training, "loop": Loop, "inference": Inference, "rates": Rates}
    return kinds[job.kind](job)


def build_model(experiment: str, precision: str, axis_name: str | None = None) -> Model:
    """The model that a config file of that name describes."""
    task = TASKS[experiment]
    dtype = jnp.dtype(precision)
    return Model(
        task=task,
        generator=Generator(task.generator_channels, dtype, axis_name),
        discriminator=Discriminator(dtype, axis_name),
        optimizer=optax.adam(2e-4, b1=0.5, b2=0.999, eps=1e-8),
    )


def random_batches(batch_size: int, image_size: int) -> list[np.ndarray]:
    """Two batches, uint8 RGB [batch_size, image_size, image_size, 3]: the same on both sides."""
    random = np.random.RandomState(0)
    return [random.randint(0, 256, (batch_size, image_size, image_size, 3), np.uint8) for _ in range(2)]


class _OnDevice:
    """What all that run on JAX's devices have in common."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {}

    def reset_peak(self) -> None:
        """XLA's peak counts from the start of the process."""

    def peak_bytes(self) -> int | None:
        """Most that was ever in use on one device."""
        return _gpu_memory()


class Training(_OnDevice):
    """Whole training steps, through the mapped step that training takes, from a batch on the host."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        cpu.one_device_per_core(job.batch_size)
        model = build_model(job.experiment, job.precision, step.AXIS)
        self._step = step.parallel_train_step(model)
        self._state = step.place(model.init_compiled(jax.random.key(0)))
        devices = jax.local_device_count()
        shape = (devices, job.batch_size // devices, job.image_size, job.image_size, 3)
        batches = [batch.reshape(shape) for batch in random_batches(job.batch_size, job.image_size)]
        self._batches: Iterator[np.ndarray] = itertools.cycle(batches)

    def turn(self, steps: int) -> dict[str, float]:
        """Steps, then fetches the losses of the last."""
        metrics = {}
        for _ in range(steps):
            self._state, metrics = self._step(self._state, next(self._batches))
        _check(jax.device_get(metrics))
        jax.block_until_ready(self._state)
        return {}


class Loop(_OnDevice):
    """Steps as one program over batches that lie on the device: what they take when the host has no part in them."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        model = build_model(job.experiment, job.precision)
        self._batches = jax.device_put(np.stack(random_batches(job.batch_size, job.image_size)))
        self._state = model.init_compiled(jax.random.key(0))

        def body(index: jax.Array, state: Any, batches: jax.Array) -> Any:
            # Batches take turns, so that nothing of a step can be moved out of the loop.
            return step.train_step(model, state, batches[index % len(batches)])[0]

        def loop(state: Any, batches: jax.Array) -> Any:
            return lax.fori_loop(0, _LOOP, partial(body, batches=batches), state)

        self._loop = jax.jit(loop, donate_argnums=0)

    def turn(self, steps: int) -> dict[str, float]:
        """Loops, at least as many steps as asked for; returns the time of one."""
        loops = math.ceil(steps / _LOOP)
        start = time.perf_counter()
        for _ in range(loops):
            self._state = self._loop(self._state, self._batches)
        jax.block_until_ready(self._state)
        return {"step": (time.perf_counter() - start) / (loops * _LOOP)}


class Inference(_OnDevice):
    """Photographs coloured by the generator with its running averages, uint8 from the host to float RGB."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        model = build_model(job.experiment, job.precision)
        state = model.init_compiled(jax.random.key(0))
        self._weights = state.generator.params, state.averages
        self._colorize = jax.jit(partial(step.colorize, model))
        self._batches = itertools.cycle(random_batches(job.batch_size, job.image_size))

    def turn(self, steps: int) -> dict[str, float]:
        """Colours that many batches."""
        colored = None
        for _ in range(steps):
            colored = self._colorize(*self._weights, next(self._batches))
        jax.block_until_ready(colored)
        return {}


class Rates(_OnDevice):
    """What the device does best: a large matrix product, and a large copy."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        devices = jax.devices()
        task = TASKS.get(job.experiment)
        if task is None:
            raise NotRun(f"there is no experiment {job.experiment}: choose one of {', '.join(TASKS)}")
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
        """Measures; `steps` is of no account."""
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


def _gpu_memory() -> int | None:
    (device, *_) = jax.local_devices()
    stats = None if device.platform == "cpu" else device.memory_stats()
    return stats["peak_bytes_in_use"] if stats else None


def _check(losses: dict[str, Any]) -> None:
    for name, loss in losses.items():
        if not math.isfinite(loss):
            raise NotRun(f"{name} became {loss}")
