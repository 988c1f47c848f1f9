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


@pytest.mark.parametrize(
    ("experiment", "side", "patches"), [("ycrcb_rgb", 96, 3), ("rgb_rgb_gray", 96, 3), ("pix2pix", 256, 30)]
)
def test_counted_layers_are_the_networks(experiment: str, side: int, patches: int) -> None:
    model = build_model(experiment_config(experiment), total_steps=1)
    state = jax.eval_shape(model.init, jax.random.key(0))
    counts = [
        sum(int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(network.params))
        for network in (state.generator, state.discriminator)
    ]
    channels = model.task.generator_channels, model.task.discriminator_channels
    both = floors.networks(experiment, *channels, side)
    # The paper's convolutions have no bias in front of a norm, which counts as one here.
    extra = [sum(conv.out_channels for conv in convs if conv.norm) * (experiment == "pix2pix") for convs in both]
    extra[0] += (64 + 512) * (experiment == "pix2pix")  # nor have the first and the innermost layer down
    assert [sum(conv.params for conv in convs) for convs in both] == [a + b for a, b in zip(counts, extra, strict=True)]
    assert both[0][-1].made == model.task.generator_channels * side**2
    assert both[1][-1].made == patches**2


def test_work_grows_with_the_batch() -> None:
    g_convs, d_convs = floors.networks("ycrcb_rgb", 2, 3, 96)
    one, two = (floors.training_step(g_convs, d_convs, batch, 4) for batch in (1, 2))
    assert two.flops == 2 * one.flops
    assert one.bytes < two.bytes < 2 * one.bytes  # the parameters are moved once
    assert floors.training_step(g_convs, [], 1, 4).flops < one.flops
    assert floors.inference(g_convs, 1, 2).bytes == floors.inference(g_convs, 1, 4).bytes / 2
