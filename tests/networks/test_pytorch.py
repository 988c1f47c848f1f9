"""State dicts of PyTorch: names, shapes, and which network they hold."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, make_discriminator, make_generator, pytorch

UNET = GeneratorConfig("unet", depth=4, width=4, dropout_at="above_innermost")
GENERATORS = [
    GeneratorConfig(),
    *(dataclasses.replace(UNET, norm=norm) for norm in ("batch", "instance", "none")),
    dataclasses.replace(UNET, depth=8, width=1),
    dataclasses.replace(UNET, depth=2),
    *(GeneratorConfig("resnet", blocks=2, width=4, norm=norm) for norm in ("batch", "instance", "none")),
    GeneratorConfig("resnet", blocks=1, width=4, dropout=0.0),
]
DISCRIMINATORS = [
    DiscriminatorConfig(),
    *(DiscriminatorConfig("patchgan", norm=norm, width=4) for norm in ("batch", "instance", "none")),
    DiscriminatorConfig("patchgan", layers=5, width=2),
    *(DiscriminatorConfig("pixel", norm=norm, width=4) for norm in ("batch", "instance", "none")),
]


def filled(module, channels, side):
    """Variables of a network, every value another."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, side, side, channels)))
    random = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: np.abs(random.normal(size=leaf.shape)).astype(np.float32), shapes)


def assert_same(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, tree, other)


def state_dict_of(config=UNET, channels=3, out_channels=2):
    module = make_generator(config, out_channels)
    variables = filled(module, channels, max(module.smallest_size, 16))
    return variables, pytorch.generator_to_torch(config, variables["params"], variables.get("batch_stats", {}))


@pytest.mark.parametrize("config", GENERATORS)
def test_a_generator_comes_back_and_is_recognised(config):
    variables, state_dict = state_dict_of(config)
    found = pytorch.generator_from_torch(state_dict)
    assert (found.config, found.in_channels, found.out_channels) == (config, 3, 2)
    assert_same(found.params, variables["params"])
    assert_same(found.averages, variables.get("batch_stats", {}))


@pytest.mark.parametrize("config", DISCRIMINATORS)
def test_a_discriminator_comes_back_and_is_recognised(config):
    params = filled(make_discriminator(config), 6, 256)["params"]
    found = pytorch.discriminator_from_torch(pytorch.discriminator_to_torch(config, params))
    assert (found.config, found.in_channels) == (config, 6)
    assert_same(found.params, params)


def test_names_are_the_authors():
    _, state_dict = state_dict_of(dataclasses.replace(UNET, depth=3))
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    two, three = "model.model.1.model.", "model.model.1.model.3.model."
    assert set(state_dict) == {
        "model.model.0.weight",
        "model.model.3.weight",
        "model.model.3.bias",
        *(f"{two}{place}.weight" for place in (1, 5)),
        *(f"{two}{place}.{leaf}" for place in (2, 6) for leaf in norm),
        *(f"{three}{place}.weight" for place in (1, 3)),
        *(f"{three}4.{leaf}" for leaf in norm),
    }
    assert state_dict["model.model.0.weight"].shape == (4, 3, 4, 4)
    assert state_dict["model.model.3.weight"].shape == (8, 2, 4, 4)  # transposed: in, out


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_of_wrappers_and_missing_counters_do_not_matter(prefix):
    variables, state_dict = state_dict_of()
    given = {prefix + name: array for name, array in state_dict.items() if "num_batches" not in name}
    assert_same(pytorch.generator_from_torch(given).params, variables["params"])


def test_old_files_of_instance_norm_have_averages_that_nothing_needs():
    config = dataclasses.replace(UNET, norm="instance")
    variables, state_dict = state_dict_of(config)
    state_dict["model.model.1.model.2.running_mean"] = np.zeros(8, np.float32)
    found = pytorch.generator_from_torch(state_dict)
    assert found.config == config
    assert_same(found.params, variables["params"])


def test_names_and_layout_are_the_references():
    variables, arrays = state_dict_of(GeneratorConfig(), channels=1)
    norm = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert {name for name in arrays if name.startswith("enc1.")} == {
        "enc1.conv.weight",
        "enc1.conv.bias",
        *(f"enc1.norm.{leaf}" for leaf in norm),
    }
    assert arrays["enc2.conv.weight"].shape == (64, 32, 3, 3)
    kernel = variables["params"]["enc2"]["conv"]["kernel"]
    assert arrays["enc2.conv.weight"][5, 7, 0, 2] == kernel[0, 2, 7, 5]
    np.testing.assert_array_equal(arrays["dec1.norm.running_var"], variables["batch_stats"]["dec1"]["norm"]["var"])
    assert not any(name.startswith("dec4.norm") for name in arrays)


def test_a_discriminator_gets_fresh_averages_which_may_be_absent_again():
    params = filled(make_discriminator(DiscriminatorConfig()), 4, 32)["params"]
    arrays = pytorch.discriminator_to_torch(DiscriminatorConfig(), params)
    np.testing.assert_array_equal(arrays["conv1.norm.running_mean"], np.zeros(16, np.float32))
    np.testing.assert_array_equal(arrays["conv1.norm.running_var"], np.ones(16, np.float32))
    assert arrays["conv1.norm.num_batches_tracked"].dtype == np.int64
    learned = {name: array for name, array in arrays.items() if "running" not in name and "tracked" not in name}
    assert_same(pytorch.discriminator_from_torch(learned).params, params)


def test_no_memory_is_shared():
    variables, arrays = state_dict_of(GeneratorConfig(), channels=1)
    found = pytorch.generator_from_torch(arrays)
    for array in arrays.values():
        assert array.flags.writeable
        assert array.flags.c_contiguous
        array[...] = 7
    assert_same(found.params, variables["params"])
    assert_same(found.averages, variables["batch_stats"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: given.pop("model.model.1.model.5.weight"), r"model\.model\.1\.model\.5\.weight .*missing"),
        (lambda given: given.pop("model.model.3.weight"), r"model\.model\.3\.weight.* missing"),
        (lambda given: given.update({"model.model.9.weight": np.zeros(3)}), r"model\.model\.9\.weight \[3\] belongs"),
        (lambda given: given.update({"model.model.1.model.6.bias": np.zeros((2, 2))}), r"6\.bias .*\[2, 2\].* \[4\]"),
        (lambda given: given.update({"model.model.0.weight": np.zeros((8, 3, 4, 4))}), r"has the shape"),
        (lambda given: given.update({"model.model.0.weight": np.float32(1)}), r"model\.model\.0\.weight .*\[\]"),
        (lambda given: given.update({"model.model.3.weight": np.float32(1)}), r"model\.model\.3\.weight .*\[\]"),
        (lambda given: given.update({"model.model.0.weight": np.zeros((0, 3, 4, 4))}), r"0\.weight has no values"),
        (lambda given: given.update({"model.model.3.bias": np.array([np.nan, 0])}), r"3\.bias .*NaN"),
        (lambda given: given.update({"model.model.3.bias": np.array([1e300, 0])}), r"3\.bias .*infinite"),
        (lambda given: given["model.model.1.model.2.running_var"].fill(-1), r"2\.running_var .*negative"),
        (lambda given: given.update({"model.model.1.model." + 20 * "3.model." + "1.weight": np.ones(1)}), "levels"),
        (lambda given: given.update({"model.model.3.bias": object()}), r"model\.model\.3\.bias"),
        (lambda given: given.clear(), "begins with nothing"),
        (lambda given: given.pop("model.model.0.weight"), "no known generator"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    _, state_dict = state_dict_of()
    change(state_dict)
    with pytest.raises(UserError, match=message) as raised:
        pytorch.generator_from_torch(state_dict)
    assert "\n" not in str(raised.value)


def test_the_other_networks_weights_are_refused():
    params = filled(make_discriminator(DiscriminatorConfig()), 4, 32)["params"]
    with pytest.raises(UserError, match="discriminator"):
        pytorch.generator_from_torch(pytorch.discriminator_to_torch(DiscriminatorConfig(), params))
    with pytest.raises(UserError, match="no known discriminator"):
        pytorch.discriminator_from_torch(state_dict_of()[1])
    with pytest.raises(UserError, match="convolutions"):
        pytorch.discriminator_from_torch({"model.0.weight": np.ones((4, 3, 4, 4)), "model.9999.bias": np.ones(1)})


@pytest.mark.parametrize("config", [dataclasses.replace(UNET, upsampling="resize"), GeneratorConfig("efficientnet")])
def test_networks_that_pytorch_does_not_have_are_refused(config):
    with pytest.raises(UserError, match="has such"):
        pytorch.generator_to_torch(config, {}, {})
