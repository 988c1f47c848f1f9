"""The PyTorch references' networks against what is known of them and of the authors' code."""

import itertools

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from benchmarks.pytorch_reference.paper import PatchGAN, PixelGAN, ResNet, UNet
from benchmarks.pytorch_reference.reference import Discriminator, Generator

NORM = {
    "batch": ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
    "instance": (),
    "none": (),
}


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def shapes(network):
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def with_norm(layers, norm):
    """Keys and shapes; a layer is its key, kernel's shape, channels out, whether there is always a bias, norm's key."""
    wanted = {}
    for key, kernel, channels, has_bias, norm_key in layers:
        wanted[f"{key}.weight"] = kernel
        if has_bias or norm == "instance":
            wanted[f"{key}.bias"] = (channels,)
        if norm_key:
            wanted |= {f"{norm_key}.{part}": () if "num" in part else (channels,) for part in NORM[norm]}
    return wanted


def unet_layers(widths, in_channels=3, out_channels=3):
    """As `with_norm` wants them, from the channels of each level."""
    layers = [
        ("model.model.0", (widths[0], in_channels, 4, 4), widths[0], False, None),
        ("model.model.3", (2 * widths[0], out_channels, 4, 4), out_channels, True, None),
    ]
    prefix = "model.model.1.model."
    for outer, inner in itertools.pairwise(widths[:-1]):
        layers.append((f"{prefix}1", (inner, outer, 4, 4), inner, False, f"{prefix}2"))
        layers.append((f"{prefix}5", (2 * inner, outer, 4, 4), outer, False, f"{prefix}6"))
        prefix += "3.model."
    outer, inner = widths[-2:]
    layers.append((f"{prefix}1", (inner, outer, 4, 4), inner, False, None))
    layers.append((f"{prefix}3", (inner, outer, 4, 4), outer, False, f"{prefix}4"))
    return layers


def resnet_layers(blocks, dropout):
    layers = [
        ("model.1", (64, 3, 7, 7), 64, False, "model.2"),
        ("model.4", (128, 64, 3, 3), 128, False, "model.5"),
        ("model.7", (256, 128, 3, 3), 256, False, "model.8"),
    ]
    second = 6 if dropout else 5
    for number in range(10, 10 + blocks):
        block = f"model.{number}.conv_block."
        layers.append((f"{block}1", (256, 256, 3, 3), 256, False, f"{block}2"))
        layers.append((f"{block}{second}", (256, 256, 3, 3), 256, False, f"{block}{second + 1}"))
    after = 10 + blocks
    layers.append((f"model.{after}", (256, 128, 3, 3), 128, False, f"model.{after + 1}"))
    layers.append((f"model.{after + 3}", (128, 64, 3, 3), 64, False, f"model.{after + 4}"))
    layers.append((f"model.{after + 7}", (3, 64, 7, 7), 3, True, None))
    return layers


PATCHGAN_LAYERS = [
    ("model.0", (64, 6, 4, 4), 64, True, None),
    ("model.2", (128, 64, 4, 4), 128, False, "model.3"),
    ("model.5", (256, 128, 4, 4), 256, False, "model.6"),
    ("model.8", (512, 256, 4, 4), 512, False, "model.9"),
    ("model.11", (1, 512, 4, 4), 1, True, None),
]
PIXEL_LAYERS = [
    ("net.0", (64, 6, 1, 1), 64, True, None),
    ("net.2", (128, 64, 1, 1), 128, False, "net.3"),
    ("net.5", (1, 128, 1, 1), 1, False, None),
]


def test_parameter_counts():
    assert count(UNet(3, 3)) == 54_413_955
    assert count(UNet(3, 3, halvings=7)) == 41_828_995
    assert count(UNet(1, 2)) == 54_409_858
    assert count(ResNet(3, 3)) == 11_383_427
    assert count(ResNet(3, 3, norm="instance")) == 11_378_179
    assert count(ResNet(3, 3, blocks=6)) == 7_841_411
    assert count(ResNet(3, 3, blocks=6, norm="instance")) == 7_837_699
    assert count(PatchGAN(6)) == 2_768_705
    assert count(PatchGAN(3)) == 2_765_633
    assert count(Generator(1, 2)) == 872_418
    assert count(Discriminator(3)) == 1_179_425


@pytest.mark.parametrize("norm", NORM)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_generators_have_the_keys_and_shapes_of_the_authors_files(norm, dropout):
    with torch.device("meta"):
        for halvings in (8, 7):
            widths = [64, 128, 256] + [512] * (halvings - 3)
            for place in ("above_innermost", "innermost"):
                network = UNet(3, 3, halvings, norm=norm, dropout=dropout, dropout_at=place)
                assert shapes(network) == with_norm(unet_layers(widths), norm)
        for blocks in (9, 6):
            network = ResNet(3, 3, blocks, norm=norm, dropout=dropout)
            assert shapes(network) == with_norm(resnet_layers(blocks, dropout), norm)


@pytest.mark.parametrize("norm", NORM)
def test_discriminators_have_the_keys_and_shapes_of_the_authors_files(norm):
    with torch.device("meta"):
        assert shapes(PatchGAN(6, norm=norm)) == with_norm(PATCHGAN_LAYERS, norm)
        assert shapes(PixelGAN(6, norm=norm)) == with_norm(PIXEL_LAYERS, norm)


def drops_out_after(network):
    """Channels and keys of the layers that a dropout follows."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Dropout)]
    return sorted(names, key=len)


def test_dropout_is_where_the_authors_code_and_the_paper_have_it():
    def prefix(level):
        return "model.model.1.model." + (level - 2) * "3.model."

    with torch.device("meta"):
        assert drops_out_after(UNet(3, 3, 8, dropout=0.5)) == [f"{prefix(level)}7" for level in (5, 6, 7)]
        assert drops_out_after(UNet(3, 3, 7, dropout=0.5)) == [f"{prefix(level)}7" for level in (5, 6)]
        innermost = drops_out_after(UNet(3, 3, 8, dropout=0.5, dropout_at="innermost"))
        assert innermost == [f"{prefix(6)}7", f"{prefix(7)}7", f"{prefix(8)}5"]
        assert drops_out_after(ResNet(3, 3, 6, dropout=0.5)) == [f"model.{n}.conv_block.4" for n in range(10, 16)]
        assert not drops_out_after(UNet(3, 3, 8))


@pytest.mark.parametrize(("layers", "side"), [(1, 16), (2, 34), (3, 70), (4, 142), (5, 286), (6, 574)])
def test_receptive_fields(layers, side):
    network = PatchGAN(1, layers, width=1, norm="none")
    for parameter in network.parameters():
        nn.init.ones_(parameter)
    size = side + 2 * 2**layers * 3  # so that the middle patch meets no border
    image = torch.zeros(1, 1, size, size, requires_grad=True)
    logits = network(image)
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    rows = image.grad[0, 0].abs().sum(1).nonzero()
    assert rows.max() - rows.min() + 1 == side
