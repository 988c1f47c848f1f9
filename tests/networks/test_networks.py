"""The reference's and the paper's networks: parameters, sizes, dropout, norms, start values."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, make_discriminator, make_generator

pytestmark = pytest.mark.usefixtures("plain_operations")

SMALL = {
    "unet": GeneratorConfig("unet", depth=4, width=4),
    "resnet": GeneratorConfig("resnet", blocks=2, width=4),
}


def shapes(module, channels, side=256):
    image = jax.ShapeDtypeStruct((1, side, side, channels), jnp.float32)
    return jax.eval_shape(module.init, jax.random.key(0), image)


def count(variables):
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize(
    ("config", "channels", "parameters"),
    [
        (GeneratorConfig(), (1, 2), 872_418),
        (GeneratorConfig("unet"), (3, 3), 54_413_955),
        (GeneratorConfig("unet", depth=7), (3, 3), 41_828_995),
        (GeneratorConfig("unet"), (1, 2), 54_409_858),
        (GeneratorConfig("resnet"), (3, 3), 11_383_427),
        (GeneratorConfig("resnet", norm="instance"), (3, 3), 11_378_179),
        (GeneratorConfig("resnet", blocks=6), (3, 3), 7_841_411),
    ],
)
def test_generators_have_as_many_parameters_as_the_reference_and_the_authors(config, channels, parameters):
    assert count(shapes(make_generator(config, channels[1]), channels[0])) == parameters


@pytest.mark.parametrize(
    ("config", "channels", "parameters", "patches"),
    [
        (DiscriminatorConfig(), 3, 1_179_425, 8),
        (DiscriminatorConfig("patchgan"), 6, 2_768_705, 30),
        (DiscriminatorConfig("patchgan"), 3, 2_765_633, 30),
        (DiscriminatorConfig("patchgan", layers=1), 6, None, 126),
        (DiscriminatorConfig("patchgan", layers=5), 6, None, 6),
        (DiscriminatorConfig("pixel"), 6, None, 256),
    ],
)
def test_discriminators_have_their_parameters_and_patches(config, channels, parameters, patches):
    module = make_discriminator(config, jnp.bfloat16)
    variables = shapes(module, channels)
    assert set(variables) == {"params"}
    assert parameters is None or count(variables) == parameters
    seen = jax.ShapeDtypeStruct((2, 256, 256, channels), jnp.float32)
    logits = jax.eval_shape(module.apply, variables, seen)
    assert (logits.shape, logits.dtype) == ((2, patches, patches, 1), jnp.float32)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_patch_sees_as_many_pixels_as_the_authors_say(layers):
    module = make_discriminator(DiscriminatorConfig("patchgan", layers=layers, width=2, norm="none"))
    side = 96
    variables = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, side, side, 1)))
    image = jnp.asarray(np.random.default_rng(0).normal(size=(1, side, side, 1)), jnp.float32)

    @jax.jit
    def gradient_of_a_logit_in_the_middle(image):
        return jax.grad(lambda x: module.apply(variables, x)[0, side >> (layers + 1), side >> (layers + 1), 0])(image)

    rows = np.flatnonzero(np.abs(np.asarray(gradient_of_a_logit_in_the_middle(image))[0, ..., 0]).sum(1))
    assert rows[-1] - rows[0] + 1 == {1: 16, 2: 34, 3: 70}[layers]


@pytest.mark.parametrize("layers", range(1, 7))
def test_the_smallest_size_of_a_patchgan_has_one_logit(layers):
    module = make_discriminator(DiscriminatorConfig("patchgan", layers=layers, width=1))
    image = jax.ShapeDtypeStruct((1, module.smallest_size, module.smallest_size, 1), jnp.float32)
    assert jax.eval_shape(module.apply, shapes(module, 1, module.smallest_size), image).shape == (1, 1, 1, 1)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
@pytest.mark.parametrize("network", ["reference", "unet", "resnet"])
def test_every_generator_makes_an_image_of_the_size_it_was_given(network, upsampling, norm):
    config = GeneratorConfig(network, depth=4, blocks=1, width=4, norm=norm, upsampling=upsampling)
    module = make_generator(config, 5, dtype=jnp.bfloat16)
    image = jax.ShapeDtypeStruct((2, 32, 48, 4), jnp.float32)
    variables = jax.eval_shape(module.init, jax.random.key(0), image)
    assert ("batch_stats" in variables) == (norm == "batch" or network == "reference")
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    made = jax.eval_shape(partial(module.apply, train=False), variables, image)
    assert (made.shape, made.dtype) == ((2, 32, 48, 5), jnp.float32)


@pytest.mark.parametrize(
    ("module", "height", "message"),
    [
        (make_generator(GeneratorConfig(), 2), 40, "generator .* divisible by 16, got 40×32"),
        (make_generator(SMALL["unet"], 3), 24, "generator .* divisible by 16, got 24×32"),
        (make_generator(SMALL["resnet"], 3), 30, "generator .* divisible by 4, got 30×32"),
        (make_discriminator(DiscriminatorConfig()), 48, "discriminator .* divisible by 32, got 48×32"),
    ],
)
def test_sizes_that_do_not_fit_are_named(module, height, message):
    with pytest.raises(ValueError, match=message):
        jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, height, 32, 3)))


def test_bfloat16_computes_near_float32():
    condition = np.random.RandomState(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
    networks = [make_generator(GeneratorConfig(), 2, dtype) for dtype in (jnp.bfloat16, jnp.float32)]
    variables = jax.jit(networks[0].init)(jax.random.key(0), condition)

    @jax.jit
    def train(variables, condition):
        return [network.apply(variables, condition, train=True, mutable=["batch_stats"]) for network in networks]

    (made, moved), (wanted, _) = train(variables, condition)
    assert {leaf.dtype for leaf in jax.tree.leaves(moved)} == {jnp.dtype("float32")}
    assert 0 < jnp.abs(made - wanted).mean() < 0.02


@pytest.fixture(scope="module", params=SMALL)
def made(request):
    """What a small generator makes of an image: a function of the dropout key, or None, and of `train`."""
    module = make_generator(SMALL[request.param], 3)
    image = jnp.asarray(np.random.default_rng(0).uniform(-1, 1, (1, 16, 16, 3)), jnp.float32)
    variables = jax.jit(module.init)(jax.random.key(0), image)

    @partial(jax.jit, static_argnames="train")
    def make(key, train):
        return module.apply(variables, image, train=train, rngs=None if key is None else {"dropout": key})

    return lambda key, train: np.asarray(make(key, train))


def test_dropout_is_on_where_a_key_is_given_and_follows_from_it(made):
    one, same, other = (made(jax.random.key(seed), True) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-4
    assert np.abs(one - made(None, True)).max() > 1e-4


def test_batch_statistics_can_be_used_without_moving_the_averages(made):
    assert np.abs(made(None, True) - made(None, False)).max() > 1e-4


@pytest.mark.parametrize(
    ("init", "deviation"),
    [("normal", 0.3), ("xavier", 0.3 * (2 / (16 * (8 + 16))) ** 0.5), ("kaiming", (2 / (16 * 8)) ** 0.5)],
)
def test_kernels_begin_as_asked(init, deviation):
    module = make_generator(GeneratorConfig("unet", depth=3, width=8, init=init, init_gain=0.3), 3)
    params = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))["params"]
    assert float(params["down2"]["kernel"].std()) == pytest.approx(deviation, rel=0.05)
    assert float(params["up2_norm"]["scale"].mean()) == pytest.approx(1.0, abs=0.5)
    assert not params["up1"]["bias"].any()


def test_orthogonal_kernels_are_orthogonal():
    module = make_generator(GeneratorConfig("unet", depth=2, width=8, init="orthogonal", init_gain=0.5), 3)
    params = jax.jit(module.init)(jax.random.key(0), jnp.zeros((1, 8, 8, 3)))["params"]
    columns = params["down2"]["kernel"].reshape(-1, 16)
    np.testing.assert_allclose(columns.T @ columns, 0.25 * np.eye(16), atol=1e-5)
