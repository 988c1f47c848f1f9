import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.networks.reference import ReferenceDiscriminator, ReferenceGenerator


def count(tree):
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.fixture(scope="module")
def generator_variables():
    return jax.jit(ReferenceGenerator(2).init)(jax.random.key(0), jnp.zeros((1, 32, 32, 1)))


@pytest.fixture(scope="module")
def discriminator_variables():
    return jax.jit(ReferenceDiscriminator().init)(jax.random.key(0), jnp.zeros((1, 32, 32, 3)))


def test_generator_has_the_references_layers(generator_variables):
    kernels = {name: layer["conv"]["kernel"].shape for name, layer in generator_variables["params"].items()}
    assert kernels == {
        "enc1": (5, 5, 1, 32),
        "enc2": (3, 3, 32, 64),
        "enc3": (3, 3, 64, 128),
        "enc4": (3, 3, 128, 256),
        "dec1": (3, 3, 256, 128),
        "dec2": (3, 3, 256, 64),
        "dec3": (3, 3, 128, 32),
        "dec4": (5, 5, 64, 2),
    }
    assert count(generator_variables["params"]) == 872_418
    assert "norm" not in generator_variables["params"]["dec4"]


def test_discriminator_has_the_references_layers(discriminator_variables):
    kernels = {name: layer["conv"]["kernel"].shape for name, layer in discriminator_variables["params"].items()}
    assert kernels == {
        "conv1": (5, 5, 3, 16),
        "conv2_1": (3, 3, 16, 32),
        "conv2_2": (3, 3, 32, 32),
        "conv3_1": (3, 3, 32, 64),
        "conv3_2": (3, 3, 64, 64),
        "conv4_1": (3, 3, 64, 128),
        "conv4_2": (3, 3, 128, 128),
        "conv5_1": (3, 3, 128, 256),
        "conv5_2": (3, 3, 256, 256),
        "head": (1, 1, 256, 1),
    }
    assert count(discriminator_variables["params"]) == 1_179_425
    assert set(discriminator_variables) == {"params"}
    assert "norm" not in discriminator_variables["params"]["head"]


@pytest.mark.parametrize(("height", "width"), [(16, 48), (96, 96)])
def test_generator_makes_an_image_of_the_size_it_was_given(generator_variables, height, width):
    made = jax.eval_shape(ReferenceGenerator(2).apply, generator_variables, jnp.zeros((2, height, width, 1)))
    assert made.shape == (2, height, width, 2)
    assert made.dtype == jnp.float32


@pytest.mark.parametrize(("height", "width"), [(32, 64), (96, 96)])
def test_discriminator_has_a_logit_for_each_patch(discriminator_variables, height, width):
    logits = jax.eval_shape(ReferenceDiscriminator().apply, discriminator_variables, jnp.zeros((2, height, width, 3)))
    assert logits.shape == (2, height // 32, width // 32, 1)


def test_skips_carry_detail(generator_variables):
    """A change of one pixel that pooling would spread out changes that pixel most."""
    condition = jnp.zeros((2, 32, 32, 1)).at[0, 9, 21].set(1.0)
    changed, made = jax.jit(ReferenceGenerator(2).apply)(generator_variables, condition)
    assert float(jnp.abs(made).max()) <= 1.0
    strength = jnp.abs(changed - made).sum(-1)
    row, column = np.unravel_index(int(strength.argmax()), strength.shape)
    assert abs(row - 9) <= 4
    assert abs(column - 21) <= 4


def test_sizes_that_do_not_fit_are_named(generator_variables, discriminator_variables):
    with pytest.raises(ValueError, match=r"generator .* divisible by 16, got 40×32"):
        ReferenceGenerator(2).apply(generator_variables, jnp.zeros((1, 40, 32, 1)))
    with pytest.raises(ValueError, match=r"discriminator .* divisible by 32, got 32×48"):
        ReferenceDiscriminator().apply(discriminator_variables, jnp.zeros((1, 32, 48, 3)))


def test_bfloat16_computes_near_float32_from_float32_parameters(generator_variables, discriminator_variables):
    condition = np.random.RandomState(0).uniform(-1, 1, (2, 32, 32, 1)).astype(np.float32)
    low = ReferenceGenerator(2, jnp.bfloat16)
    initial = jax.eval_shape(low.init, jax.random.key(0), condition)
    assert {leaf.dtype for leaf in jax.tree.leaves(initial)} == {np.dtype("float32")}

    @jax.jit
    def train(variables, condition):
        networks = low, ReferenceGenerator(2)
        return [network.apply(variables, condition, train=True, mutable=["batch_stats"]) for network in networks]

    (made, moved), (wanted, _) = train(generator_variables, condition)
    assert made.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(moved)} == {np.dtype("float32")}
    error = jnp.abs(made - wanted).mean()
    assert 0 < error < 0.02
    judge = ReferenceDiscriminator(jnp.bfloat16)
    logits = jax.eval_shape(judge.apply, discriminator_variables, np.repeat(condition, 3, -1))
    assert logits.dtype == jnp.float32
