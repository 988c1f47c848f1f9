import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks import pytorch as convert
from pix2pix_jax.networks.reference import ReferenceDiscriminator, ReferenceGenerator


def filled(module, channels):
    """The variables of a network, every one a tensor of different random numbers."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, 32, 32, channels)))
    random = np.random.RandomState(0)
    return jax.tree.map(lambda leaf: random.uniform(size=leaf.shape).astype(np.float32), shapes)


@pytest.fixture(scope="module")
def generator():
    variables = filled(ReferenceGenerator(2), 1)
    return variables["params"], variables["batch_stats"]


@pytest.fixture(scope="module")
def discriminator():
    return filled(ReferenceDiscriminator(), 4)["params"]


def assert_trees_equal(one, other):
    assert jax.tree.structure(one) == jax.tree.structure(other)
    for left, right in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(left, right)


def refused(convert_weights, *weights):
    with pytest.raises(UserError) as raised:
        convert_weights(*weights)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_generator_round_trip(generator):
    params, averages = convert.generator_from_torch(convert.generator_to_torch(*generator))
    assert_trees_equal(params, generator[0])
    assert_trees_equal(averages, generator[1])


def test_discriminator_round_trip(discriminator):
    assert_trees_equal(convert.discriminator_from_torch(convert.discriminator_to_torch(discriminator)), discriminator)


def test_names_and_layout(generator):
    params, averages = generator
    arrays = convert.generator_to_torch(params, averages)
    assert {name for name in arrays if name.startswith("enc1.")} == {
        "enc1.conv.weight",
        "enc1.conv.bias",
        "enc1.norm.weight",
        "enc1.norm.bias",
        "enc1.norm.running_mean",
        "enc1.norm.running_var",
        "enc1.norm.num_batches_tracked",
    }
    assert arrays["enc2.conv.weight"].shape == (64, 32, 3, 3)
    assert arrays["enc2.conv.weight"][5, 7, 0, 2] == params["enc2"]["conv"]["kernel"][0, 2, 7, 5]
    np.testing.assert_array_equal(arrays["dec1.norm.weight"], params["dec1"]["norm"]["scale"])
    np.testing.assert_array_equal(arrays["dec1.norm.running_var"], averages["dec1"]["norm"]["var"])
    assert not any(name.startswith("dec4.norm") for name in arrays)


def test_discriminator_gets_fresh_averages(discriminator):
    arrays = convert.discriminator_to_torch(discriminator)
    np.testing.assert_array_equal(arrays["conv1.norm.running_mean"], np.zeros(16, np.float32))
    np.testing.assert_array_equal(arrays["conv1.norm.running_var"], np.ones(16, np.float32))
    assert arrays["conv1.norm.num_batches_tracked"].dtype == np.int64
    assert "head.norm.running_mean" not in arrays


def test_pytorch_s_averages_of_the_discriminator_may_be_absent(discriminator):
    arrays = convert.discriminator_to_torch(discriminator)
    learned = {name: array for name, array in arrays.items() if "running" not in name and "tracked" not in name}
    assert_trees_equal(convert.discriminator_from_torch(learned), discriminator)


def test_arrays_are_fresh_writable_and_contiguous(generator):
    jax_params = jax.tree.map(jnp.asarray, generator)
    for array in convert.generator_to_torch(*jax_params).values():
        assert array.flags.writeable
        assert array.flags.c_contiguous
        assert array.flags.owndata


def test_converted_params_do_not_share_memory(generator):
    arrays = convert.generator_to_torch(*generator)
    params, averages = convert.generator_from_torch(arrays)
    for array in arrays.values():
        array[...] = 7
    assert_trees_equal(params, generator[0])
    assert_trees_equal(averages, generator[1])


def test_missing_tensors_are_named(generator):
    arrays = convert.generator_to_torch(*generator)
    del arrays["enc3.norm.running_var"]
    message = refused(convert.generator_from_torch, arrays)
    assert message == "the generator's enc3.norm.running_var [128] is missing"
    del arrays["enc3.conv.bias"], arrays["dec4.conv.bias"]
    assert "as are 2 others" in refused(convert.generator_from_torch, arrays)


def test_missing_first_layer_is_named(generator):
    assert "enc1.conv.weight" in refused(convert.generator_from_torch, {})
    arrays = convert.generator_to_torch(*generator)
    del arrays["dec4.conv.weight"]
    assert "dec4.conv.weight" in refused(convert.generator_from_torch, arrays)


def test_misshaped_tensors_are_named(discriminator):
    arrays = convert.discriminator_to_torch(discriminator)
    arrays["conv3_2.conv.weight"] = np.zeros((64, 64, 5, 5), np.float32)
    message = refused(convert.discriminator_from_torch, arrays)
    assert message == "conv3_2.conv.weight has the shape [64, 64, 5, 5], the discriminator wants [64, 64, 3, 3]"
    arrays["conv1.conv.weight"] = np.zeros((16, 4), np.float32)
    assert "conv1.conv.weight has the shape [16, 4]" in refused(convert.discriminator_from_torch, arrays)


def test_unexpected_tensors_are_named(discriminator):
    arrays = convert.discriminator_to_torch(discriminator) | {"conv6_1.conv.bias": np.zeros(3, np.float32)}
    message = refused(convert.discriminator_from_torch, arrays)
    assert message.startswith("conv6_1.conv.bias [3] is not the discriminator's")


def test_the_other_network_s_weights_are_refused(generator, discriminator):
    refused(convert.discriminator_from_torch, convert.generator_to_torch(*generator))
    refused(convert.generator_from_torch, convert.discriminator_to_torch(discriminator))
    refused(convert.discriminator_to_torch, generator[0])


def test_params_of_another_shape_are_refused(generator):
    params, averages = generator
    wrong = params | {"enc2": {**params["enc2"], "conv": {"kernel": np.zeros((5, 5, 32, 64)), "bias": np.zeros(64)}}}
    message = refused(convert.generator_to_torch, wrong, averages)
    assert message == "enc2.conv.weight has the shape [64, 32, 5, 5], the generator wants [64, 32, 3, 3]"
    assert "running_mean" in refused(convert.generator_to_torch, params, {})
    assert "enc1.conv.weight" in refused(convert.generator_to_torch, {"params": params}, averages)
