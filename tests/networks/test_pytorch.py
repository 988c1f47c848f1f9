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


@pytest.mark.parametrize(("dropout", "second"), [(0.5, 6), (0.0, 5)])
def test_names_of_a_resnet_are_the_authors(dropout, second):
    _, state_dict = state_dict_of(GeneratorConfig("resnet", blocks=2, width=4, norm="instance", dropout=dropout))
    places = ["1", "4", "7", "12", "15", "19", *(f"{n}.conv_block.{at}" for n in (10, 11) for at in (1, second))]
    assert set(state_dict) == {f"model.{place}.{leaf}" for place in places for leaf in ("weight", "bias")}
    assert state_dict["model.12.weight"].shape == (16, 8, 3, 3)  # transposed: in, out


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


def test_names_of_discriminators_are_the_authors_and_their_averages_fresh():
    names = {}
    for config in (DiscriminatorConfig("patchgan", width=4), DiscriminatorConfig("pixel", width=4, norm="instance")):
        params = filled(make_discriminator(config), 6, 32)["params"]
        arrays = pytorch.discriminator_to_torch(config, params)
        names[config.network] = {name for name in arrays if not name.endswith(("mean", "var", "tracked"))}
        kernel = params["conv2"]["kernel"]
        place = "model.2" if config.network == "patchgan" else "net.2"
        np.testing.assert_array_equal(arrays[f"{place}.weight"], kernel.transpose(3, 2, 0, 1))
        if config.norm == "batch":
            np.testing.assert_array_equal(arrays["model.3.running_mean"], np.zeros(8, np.float32))
            np.testing.assert_array_equal(arrays["model.3.running_var"], np.ones(8, np.float32))
            assert arrays["model.3.num_batches_tracked"].dtype == np.int64
    norms = {f"model.{place}.{leaf}" for place in (3, 6, 9) for leaf in ("weight", "bias")}
    convs = {f"model.{place}.weight" for place in (0, 2, 5, 8, 11)} | {"model.0.bias", "model.11.bias"}
    assert names["patchgan"] == norms | convs
    assert names["pixel"] == {f"net.{place}.{leaf}" for place in (0, 2, 5) for leaf in ("weight", "bias")}


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
        (lambda given: given.update({"model.model.1.model." + 20 * "3.model." + "1.weight": np.ones(1)}), "levels"),
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


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("a.weight", np.zeros((0, 3)), r"a\.weight has no values"),
        ("a.weight", np.array([np.nan, 0]), r"a\.weight .*NaN"),
        ("a.weight", np.array([np.inf, 0]), r"a\.weight .*infinite"),
        ("a.running_var", np.array([-1.0]), r"a\.running_var .*negative"),
    ],
)
def test_numbers_that_make_no_image_are_named(name, array, message):
    with pytest.raises(UserError, match=message):
        pytorch.check_numbers({name: array})


def test_a_discriminators_weights_are_refused():
    params = filled(make_discriminator(DiscriminatorConfig()), 4, 32)["params"]
    with pytest.raises(UserError, match="discriminator"):
        pytorch.generator_from_torch(pytorch.discriminator_to_torch(DiscriminatorConfig(), params))


@pytest.mark.parametrize("config", [dataclasses.replace(UNET, upsampling="resize"), GeneratorConfig("efficientnet")])
def test_networks_that_pytorch_does_not_have_are_refused(config):
    with pytest.raises(UserError, match="has such"):
        pytorch.generator_to_torch(config, {}, {})
