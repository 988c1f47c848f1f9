"""The programs that are compiled: the step that training takes, and colouring alone."""

import dataclasses
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from benchmarks.compiled.plain_port import PlainDiscriminator, PlainGenerator
from pix2pix_jax.config import Config
from pix2pix_jax.inference import generate
from pix2pix_jax.state import Model, build_model
from pix2pix_jax.tasks import TranslationTask
from pix2pix_jax.training import parallel


def make_model(config: Config, *, plain: bool) -> Model:
    """The model of a config; `plain` puts the plain port's networks in the place of ours."""
    model = build_model(config, total_steps=1)
    if not plain:
        return model
    ours = model.generator
    return dataclasses.replace(
        model,
        generator=PlainGenerator(ours.out_channels, ours.dtype, ours.axis_name),  # pyright: ignore[reportArgumentType]
        discriminator=PlainDiscriminator(ours.dtype, ours.axis_name),  # pyright: ignore[reportArgumentType]
    )


def lower_step(model: Model, config: Config, devices: Any) -> Any:
    """Lowers the step that training takes, for devices that need not be there."""
    state = jax.eval_shape(model.init, jax.random.key(0))
    each = config.batch_size // len(devices)
    images = jax.ShapeDtypeStruct((len(devices), each, *_image_shape(config)), np.uint8)
    return parallel.parallel_train_step(model, devices).lower(state, images)


def lower_colouring(model: Model, config: Config, devices: Any) -> Any:
    """Lowers `generate.colorize`, or `translate`, for one device, which need not be there."""
    mesh = jax.sharding.Mesh(np.array(devices[:1]), ("batch",))
    here = NamedSharding(mesh, PartitionSpec())
    shapes = jax.eval_shape(model.init, jax.random.key(0))
    images = jax.ShapeDtypeStruct((config.batch_size, *_image_shape(config)), np.uint8)
    arguments = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=here), (shapes.trained, images)
    )
    make = generate.translate if isinstance(config.task, TranslationTask) else generate.colorize
    return jax.jit(partial(make, config, model.generator)).lower(*arguments)


def _image_shape(config: Config) -> tuple[int, int, int]:
    return config.image_size, config.image_size, config.task.batch_channels
