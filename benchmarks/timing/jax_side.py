"""The JAX side of the throughput benchmark."""

import itertools
import math
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import jax

from benchmarks.timing.rows import Job
from pix2pix_jax.commands import cpu
from pix2pix_jax.config import experiment_config, updated
from pix2pix_jax.inference import generate
from pix2pix_jax.state import build_model
from pix2pix_jax.tasks import TranslationTask
from pix2pix_jax.training import parallel


def facts() -> dict[str, Any]:
    """What the device is, and the versions of the libraries."""
    devices = jax.devices()
    return {
        "backend": jax.default_backend(),
        "device": devices[0].device_kind,
        "devices": len(devices),
        "versions": {name: version(name) for name in ("jax", "jaxlib", "flax", "optax", "numpy")},
    }


def reset_peak() -> None:
    """Does nothing: XLA counts its peak from the start of the process."""


def peak_bytes() -> int:
    """The most memory that was ever in use on one GPU or TPU."""
    return (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)


def make(job: Job) -> Callable[[int], None]:
    """Builds what a job asks for: a function that takes so many steps, to the end of the last."""
    assert job.row is not None
    sizes = {"batch_size": job.batch_size, "image_size": job.image_size, "dtype": job.row.precision}
    colours = job.row.group == "inference"
    # Only a mapped program can share batch statistics. PyTorch's rows colour with the running averages too.
    config = updated(
        experiment_config(job.experiment), sizes | {"sync_batch_norm": not colours, "test_time": "running"}
    )
    if not colours:
        cpu.update_in_place()
        cpu.one_device_per_core(config)
    model = build_model(config, total_steps=1)
    state = model.init_compiled(jax.random.key(0))
    if colours:
        function = generate.translate if isinstance(config.task, TranslationTask) else generate.colorize
        return _inference(jax.jit(partial(function, config)), state.trained, job)
    return _training(parallel.parallel_train_step(model), parallel.place(state), job)


def _training(step: Any, state: Any, job: Job) -> Callable[[int], None]:
    """Whole training steps from a batch on the host, by the mapped step that training takes."""
    devices = jax.local_device_count()
    each = job.batch_size // devices
    batches = itertools.cycle([batch.reshape(devices, each, *batch.shape[1:]) for batch in job.random_batches()])

    def turn(steps: int) -> None:
        nonlocal state
        metrics = {}
        for _ in range(steps):
            state, metrics = step(state, next(batches))
        for name, loss in jax.device_get(metrics).items():
            if not math.isfinite(loss):
                raise ArithmeticError(f"{name} became {loss}")
        jax.block_until_ready(state)

    return turn


def _inference(generate_images: Any, weights: Any, job: Job) -> Callable[[int], None]:
    """Photographs coloured, or images translated, with the running averages: uint8 from the host to float RGB."""
    batches = itertools.cycle(job.random_batches())

    def turn(steps: int) -> None:
        made = None
        for _ in range(steps):
            made = generate_images(weights, next(batches))
        jax.block_until_ready(made)

    return turn
