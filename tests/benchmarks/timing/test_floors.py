import jax
import numpy as np
import pytest

from benchmarks.timing import floors
from pix2pix_jax.config import experiment_config
from pix2pix_jax.state import build_model


def test_flops_and_bytes_of_a_layer() -> None:
    conv = floors.Conv(3, 5, side=8, size=3, pool=2)
    assert conv.params == 9 * 3 * 5 + 5 + 2 * 5
    forward = conv.forward(4, training=True)
    assert forward.flops == 2 * 9 * 3 * 5 * 4 * 4
    assert forward.bytes == 4 * (3 * 64 + 5 * 16 + 3 * 16)  # read, written, and the pooled input kept
    backward = conv.backward(4, to_input=True, to_kernel=True)
    assert backward.flops == 2 * forward.flops
    assert backward.bytes == 4 * (5 * 16 + 2 * 3 * 16 + 3 * 16)


@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_convolutions_count_nine_products_an_input(factor: int) -> None:
    conv = floors.Conv(3, 5, side=8, upsample=factor)
    assert conv.flops == 2 * 9 * 3 * 5 * 64
    assert conv.made == 5 * (8 * factor) ** 2


@pytest.mark.parametrize("experiment", ["ycrcb_rgb", "rgb_rgb_gray"])
def test_counted_layers_are_the_networks(experiment: str) -> None:
    model = build_model(experiment_config(experiment), total_steps=1)
    state = jax.eval_shape(model.init, jax.random.key(0))
    counts = [
        sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(network.params))
        for network in (state.generator, state.discriminator)
    ]
    g_convs = floors.generator(model.task.generator_channels, 96)
    d_convs = floors.discriminator(model.task.discriminator_channels, 96)
    assert [sum(conv.params for conv in convs) for convs in (g_convs, d_convs)] == counts
    assert g_convs[-1].made == model.task.generator_channels * 96**2
    assert d_convs[-1].made == 3 * 3


def test_work_grows_with_the_batch() -> None:
    one, two = (floors.training_step(2, 3, batch, 96, 4) for batch in (1, 2))
    assert two.flops == 2 * one.flops
    assert one.bytes < two.bytes < 2 * one.bytes  # the parameters are moved once
    assert floors.training_step(2, 0, 1, 96, 4).flops < one.flops
    assert floors.inference(2, 1, 96, 2).bytes == floors.inference(2, 1, 96, 4).bytes / 2
