"""The paper's networks in JAX against the PyTorch reference: live where PyTorch is, golden values where it is not."""

import jax
import numpy as np
import pytest
from helpers import ROOT, first_of

from benchmarks.parity.cases import NETWORKS
from benchmarks.parity.jax_side import compiler_options, jax_outputs
from benchmarks.parity.run import golden_outputs
from pix2pix_jax.networks import GeneratorConfig, make_generator
from pix2pix_jax.networks.pytorch import generator_from_torch


@pytest.fixture(scope="module", params=first_of(NETWORKS))
def name(request):
    return request.param


def test_outputs_are_the_golden_ones(name):
    with np.load(ROOT / "tests" / "golden" / "networks.npz") as golden:
        for output, ours in golden_outputs(jax_outputs(name)).items():
            np.testing.assert_allclose(ours, golden[f"{name}/{output}"], rtol=0, atol=1e-5, err_msg=output)


def test_outputs_agree(name):
    pytest.importorskip("torch")
    from benchmarks.parity.pytorch_side import pytorch_outputs

    ours, theirs = jax_outputs(name), pytorch_outputs(name)
    for output, one in ours.items():
        other = theirs[output]
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5, err_msg=output)


def test_no_output_is_near_the_ends_of_tanh_or_much_the_same_everywhere(name):
    """Either would hide differences."""
    training = jax_outputs(name)["training"]
    assert training.std() > 0.1
    if isinstance(NETWORKS[name][0], GeneratorConfig):
        assert np.mean(np.abs(training) > 0.99) < 0.01


@pytest.mark.parametrize(
    "case", [("unet", 7, "innermost"), ("unet", 7, "above_innermost"), ("resnet", 2, None)], ids=str
)
def test_dropout_is_in_the_same_places(case, monkeypatch):
    """What is dropped differs, so both programs halve instead: all that is left to differ is where."""
    torch = pytest.importorskip("torch")
    from benchmarks.pytorch_reference.paper import ResNet, UNet

    class Half(torch.nn.Module):
        def __init__(self, rate):
            super().__init__()
            self.rate = rate

        def forward(self, x):
            return self.rate * x

    kind, size, place = case
    monkeypatch.setattr(torch.nn, "Dropout", Half)
    monkeypatch.setattr("flax.linen.Dropout", lambda rate, deterministic: lambda x: rate * x)
    if kind == "unet":
        network = UNet(3, 3, size, width=4, dropout=0.5, dropout_at=place)
        config = GeneratorConfig("unet", depth=size, width=4, dropout=0.5, dropout_at=place)
    else:
        network = ResNet(3, 3, size, width=4, dropout=0.5)
        config = GeneratorConfig("resnet", blocks=size, width=4, dropout=0.5)
    for buffer in network.buffers():  # far from what the batch norms would divide by, so that factors are not lost
        buffer.fill_(2.0 if buffer.is_floating_point() else 0)
    torch.manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(0.0, 0.3)
    image = 2.0 * torch.rand(1, 128, 128, 3) - 1.0
    with torch.no_grad():
        theirs = network.eval()(image.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).numpy()
    found = generator_from_torch(network.state_dict())
    module = jax.jit(make_generator(config, 3).apply, compiler_options=compiler_options())
    ours = module({"params": found.params, "batch_stats": found.averages}, image.numpy())
    assert theirs.std() > 0.01
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


def test_dropout_is_where_the_authors_code_and_the_paper_have_it():
    torch = pytest.importorskip("torch")
    from benchmarks.pytorch_reference.paper import ResNet, UNet

    def drops_out_at(network):
        return sorted((n for n, m in network.named_modules() if isinstance(m, torch.nn.Dropout)), key=len)

    def prefix(level):
        return "model.model.1.model." + (level - 2) * "3.model."

    with torch.device("meta"):
        assert drops_out_at(UNet(3, 3, 8, dropout=0.5)) == [f"{prefix(level)}7" for level in (5, 6, 7)]
        assert drops_out_at(UNet(3, 3, 7, dropout=0.5)) == [f"{prefix(level)}7" for level in (5, 6)]
        innermost = drops_out_at(UNet(3, 3, 8, dropout=0.5, dropout_at="innermost"))
        assert innermost == [f"{prefix(6)}7", f"{prefix(7)}7", f"{prefix(8)}5"]
        assert drops_out_at(ResNet(3, 3, 6, dropout=0.5)) == [f"model.{n}.conv_block.4" for n in range(10, 16)]
        assert not drops_out_at(UNet(3, 3, 8))
