"""A program gets the forms for the platform that it is compiled for, wherever that is done: here, on a CPU."""

from functools import partial

import jax
import numpy as np
import pytest
from jax import export

from pix2pix_jax import ops

LAYERS = {
    "image": (ops.conv2d, (1, 8, 8, 3), (3, 3, 3, 8)),
    "down": (partial(ops.conv2d, stride=2, padding=1), (1, 8, 8, 3), (4, 4, 3, 3)),
    "patch": (partial(ops.conv2d, stride=1, padding=1), (1, 8, 8, 3), (4, 4, 3, 3)),
    "up": (ops.conv_transpose2d, (1, 8, 8, 3), (4, 4, 3, 3)),
    "upsample": (partial(ops.upsample_conv2d, factor=2), (1, 8, 8, 3), (3, 3, 3, 3)),
}


def forms(program):
    """Whether a program has convolutions, and matrix products."""
    return "stablehlo.convolution" in program, "stablehlo.dot_general" in program


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_products_for_a_cpu_and_convolutions_elsewhere(name):
    layer, *shapes = LAYERS[name]
    arrays = [np.zeros(shape, np.float32) for shape in shapes]
    traced = jax.jit(jax.grad(lambda *arguments: layer(*arguments).sum(), (0, 1))).trace(*arrays)
    for platform in ("cpu", "cuda", "rocm", "tpu"):
        program = traced.lower(lowering_platforms=(platform,)).as_text()
        assert forms(program) == ((False, True) if platform == "cpu" else (True, False))
    for platform, wanted in (("any", (True, False)), ("cuda", (True, False)), ("cpu", (False, True))):
        only = jax.jit(ops.for_platform(platform)(lambda *arguments: layer(*arguments))).trace(*arrays)
        assert forms(only.lower(lowering_platforms=("cpu",)).as_text()) == wanted


@pytest.mark.parametrize(
    ("platforms", "wanted"), [(["cpu"], (False, True)), (["tpu"], (True, False)), (["cpu", "cuda"], (True, True))]
)
def test_an_export_has_the_forms_of_each_platform_it_is_for(platforms, wanted):
    layer, *shapes = LAYERS["down"]
    arrays = [jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes]
    assert forms(export.export(jax.jit(layer), platforms=platforms)(*arrays).mlir_module()) == wanted
