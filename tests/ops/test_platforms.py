"""A program gets the forms for the platform that it is compiled for, wherever that is done: here, on a CPU."""

from functools import partial

import jax
import numpy as np
import pytest
from helpers import load_config
from jax import export

from pix2pix_jax import ops, step
from pix2pix_jax.inference import generate
from pix2pix_jax.ops import plain
from pix2pix_jax.state import build_model


def lowered_step(platform, dtype="float32"):
    """The step's StableHLO for a platform."""
    model = build_model(load_config("ycrcb_rgb", sync_batch_norm=False, dtype=dtype), 10)
    state = jax.eval_shape(model.init, jax.random.key(0))
    images = jax.ShapeDtypeStruct((2, 32, 32, 3), np.uint8)
    return jax.jit(partial(step.train_step, model)).trace(state, images).lower(lowering_platforms=(platform,)).as_text()


def operations(program):
    """How many convolutions and matrix products a program has."""
    return program.count("stablehlo.convolution"), program.count("stablehlo.dot_general")


@pytest.fixture(scope="module")
def only_plain():
    """What a step has whose networks use the plain forms everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("conv2d", "conv2d_joined", "upsample_conv2d"):
            patch.setattr(ops, name, getattr(plain, name))
        return operations(lowered_step("cpu"))


@pytest.mark.parametrize("platform", ["tpu", "cuda", "rocm"])
def test_the_step_for_an_accelerator_has_convolutions_alone(platform, only_plain):
    convolutions, products = only_plain
    of_parts = 3  # dec4 convolves its two inputs one by one, forward and for both gradients
    assert operations(lowered_step(platform)) == (convolutions + of_parts, products)


def test_the_step_for_a_cpu_has_matrix_products_in_their_place(only_plain):
    convolutions, products = operations(lowered_step("cpu"))
    assert convolutions < 0.6 * only_plain[0]
    assert products > only_plain[1] + 20


def exported(platforms):
    model = build_model(load_config("ycrcb_rgb"), 1)
    state = jax.eval_shape(model.init, jax.random.key(0))
    images = jax.ShapeDtypeStruct((2, 32, 32, 3), np.uint8)
    colorize = jax.jit(partial(generate.colorize, model.config, model.generator))
    return export.export(colorize, platforms=platforms)(state.trained, images)


def test_an_export_has_the_forms_of_each_platform_it_is_for():
    forms = {names: operations(exported(names).mlir_module()) for names in (("cpu",), ("cuda",), ("tpu",))}
    layers, upsampling, of_parts = 8, 3, 1
    assert forms[("tpu",)][0] == forms[("cuda",)][0] == layers + of_parts
    assert forms[("cpu",)][0] < layers - upsampling
    both = operations(exported(("cpu", "cuda")).mlir_module())
    assert both[0] >= forms[("cpu",)][0] + forms[("cuda",)][0]


@pytest.mark.parametrize(
    "layer",
    [partial(ops.conv2d, stride=2, padding=1), partial(ops.conv2d, stride=1, padding=1), ops.conv_transpose2d],
    ids=["down", "patch", "up"],
)
def test_layers_of_the_paper_are_products_for_a_cpu_and_plain_elsewhere(layer):
    x, kernel = np.zeros((1, 8, 8, 3), np.float32), np.zeros((4, 4, 3, 3), np.float32)
    traced = jax.jit(jax.grad(lambda *arguments: layer(*arguments).sum(), (0, 1))).trace(x, kernel)
    programs = {
        name: operations(traced.lower(lowering_platforms=(name,)).as_text()) for name in ("cpu", "cuda", "rocm", "tpu")
    }
    assert programs.pop("cpu") == (0, 2)
    assert set(programs.values()) == {(2, 0)}
