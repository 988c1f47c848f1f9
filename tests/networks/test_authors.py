"""Weight files of the authors' PyTorch code: names, shapes, and which network they hold."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks import DiscriminatorConfig, GeneratorConfig, authors, make_discriminator, make_generator

UNET = GeneratorConfig("unet", depth=4, width=4, dropout_at="above_innermost")
GENERATORS = [
    *(dataclasses.replace(UNET, norm=norm) for norm in ("batch", "instance", "none")),
    dataclasses.replace(UNET, depth=8, width=1),
    dataclasses.replace(UNET, depth=2),
    *(GeneratorConfig("resnet", blocks=2, width=4, norm=norm) for norm in ("batch", "instance", "none")),
    GeneratorConfig("resnet", blocks=1, width=4, dropout=0.0),
]
DISCRIMINATORS = [
    *(DiscriminatorConfig("patchgan", norm=norm, width=4) for norm in ("batch", "instance", "none")),
    DiscriminatorConfig("patchgan", layers=5, width=2),
    *(DiscriminatorConfig("pixel", norm=norm, width=4) for norm in ("batch", "instance", "none")),
]


def filled(module, channels, side):
    """Variables of a network, every value another."""
    shapes = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((1, side, side, channels)))
    random = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), shapes)


def assert_same(tree, other):
    assert jax.tree.structure(tree) == jax.tree.structure(other)
    jax.tree.map(np.testing.assert_array_equal, tree, other)


def state_dict_of(config=UNET, channels=3, out_channels=2):
    module = make_generator(config, out_channels)
    variables = filled(module, channels, max(module.smallest_size, 16))
    return variables, authors.generator_to_authors(config, variables["params"], variables.get("batch_stats", {}))


@pytest.mark.parametrize("config", GENERATORS)
def test_a_generator_comes_back_and_is_recognised(config):
    variables, state_dict = state_dict_of(config)
    found = authors.generator_from_authors(state_dict)
    assert (found.config, found.in_channels, found.out_channels) == (config, 3, 2)
    assert_same(found.params, variables["params"])
    assert_same(found.averages, variables.get("batch_stats", {}))


@pytest.mark.parametrize("config", DISCRIMINATORS)
def test_a_discriminator_comes_back_and_is_recognised(config):
    params = filled(make_discriminator(config), 6, 256)["params"]
    found = authors.discriminator_from_authors(authors.discriminator_to_authors(config, params))
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
    assert_same(authors.generator_from_authors(given).params, variables["params"])


def test_old_files_of_instance_norm_have_averages_that_nothing_needs():
    config = dataclasses.replace(UNET, norm="instance")
    variables, state_dict = state_dict_of(config)
    state_dict["model.model.1.model.2.running_mean"] = np.zeros(8, np.float32)
    found = authors.generator_from_authors(state_dict)
    assert found.config == config
    assert_same(found.params, variables["params"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda given: given.pop("model.model.1.model.5.weight"), r"generator's model\.model\.1\.model\.5\.weight is"),
        (lambda given: given.update({"model.model.9.weight": np.zeros(3)}), r"model\.model\.9\.weight \[3\] belongs"),
        (lambda given: given.update({"model.model.1.model.6.bias": np.zeros((2, 2))}), r"\[2, 2\], 1 axes are wanted"),
        (lambda given: given.update({"model.model.3.bias": object()}), r"model\.model\.3\.bias"),
        (lambda given: given.clear(), "begins with nothing"),
        (lambda given: given.pop("model.model.0.weight"), "no generator"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    _, state_dict = state_dict_of()
    change(state_dict)
    with pytest.raises(UserError, match=message):
        authors.generator_from_authors(state_dict)


def test_networks_that_they_do_not_have_are_refused():
    with pytest.raises(UserError, match=r"no such generator .*resize"):
        authors.generator_to_authors(dataclasses.replace(UNET, upsampling="resize"), {}, {})
    with pytest.raises(UserError, match=r"no such generator .*reference"):
        authors.generator_to_authors(GeneratorConfig(), {}, {})
    with pytest.raises(UserError, match="no discriminator"):
        authors.discriminator_to_authors(DiscriminatorConfig(), {})
