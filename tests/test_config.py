import re
from pathlib import Path

import jax
import numpy as np
import pytest
from conftest import EXPERIMENTS, load_config

from pix2pix_jax import config as configuration
from pix2pix_jax.errors import UserError


@pytest.mark.parametrize("name", [*EXPERIMENTS, "demo"])
def test_configs_are_valid_and_named_after_their_file(name):
    config = load_config(name)
    assert config.name == name
    configuration.validate(config, device_count=8)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_have_the_references_recipe(name):
    config = load_config(name)
    assert (config.batch_size, config.num_epochs, config.image_size) == (512, 200, 96)
    assert config.adam.to_dict() == {
        "learning_rate": 2e-4,
        "b1": 0.5,
        "b2": 0.999,
        "eps": 1e-8,
        "linear_decay": False,
    }


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("batch_size", 12, "config.batch_size=12 .* 8 devices: use a multiple of 8, such as 8"),
        ("batch_size", 0, "config.batch_size=0 .* such as 8"),
        ("image_size", 100, "config.image_size=100 .* multiple of 32; use 96 or 128"),
        ("image_size", 0, "config.image_size=0 .* use 32 or 64"),
        ("dtype", "float16", "config.dtype=float16 .* float32, bfloat16"),
        ("task.generator_makes", "croma", "task.generator_makes=croma .* nearest is chroma"),
        ("data.resize", 90, "config.data.resize=90 is smaller than config.image_size=96.* use 112"),
        ("log_every_steps", 0, "config.log_every_steps=0"),
        ("ema_decay", 1.0, r"config.ema_decay=1.0 is not in \[0, 1\): use 0.999"),
        ("saturation", 0.0, "config.saturation=0.0 is no positive number: use 1"),
        ("saturation", float("nan"), "config.saturation=nan is no positive number"),
    ],
)
def test_values_that_cannot_work_are_named(key, value, message):
    config = load_config("ycrcb_rgb")
    *path, leaf = key.split(".")
    part = config
    for name in path:
        part = part[name]
    part[leaf] = value
    with pytest.raises(UserError, match=message) as caught:
        configuration.validate(config, device_count=8)
    assert "\n" not in str(caught.value)


def test_nothing_to_do_is_an_error():
    config = load_config("demo")
    config.num_steps = config.num_epochs = 0
    with pytest.raises(UserError, match="nothing to do"):
        configuration.validate(config, device_count=1)


def test_unknown_key_is_named_with_the_nearest():
    config = load_config("demo")
    with config.unlocked():
        config.data.rot = "photos"
    with pytest.raises(UserError, match=r"unknown config key data.rot: the nearest known one is data.root"):
        configuration.validate(config, device_count=1)


def test_size_of_the_generator_alone_is_finer():
    config = load_config("ycrcb_l1")
    config.image_size = 80
    configuration.validate(config, device_count=1)


@pytest.mark.parametrize("key", configuration.leaves(configuration.default_config()))
def test_every_key_is_read(key):
    package = Path(configuration.__file__).parent
    files = [*package.rglob("*.py"), package.parent / "train.py"]
    source = "\n".join(path.read_text() for path in files)
    source = source.replace("{key}_every_steps", "log_every_steps eval_every_steps")
    leaf = key.rsplit(".", 1)[-1]
    uses = re.findall(rf"\b(?:config|data|adam|task|self)\.(?:data\.|task\.)?{leaf}\b(?! = )", source)
    assert uses, f"nothing reads config.{key}"


def test_linear_decay_is_level_for_half_and_ends_at_zero():
    config = load_config("ycrcb_l1")
    config.adam.linear_decay = True
    config.adam.learning_rate = 1.0
    optimizer = configuration.build_model(config, total_steps=10).optimizer
    state, sizes = optimizer.init(np.zeros(1)), []
    for _ in range(10):
        update, state = optimizer.update(np.ones(1), state)
        sizes.append(-float(update[0]))
    np.testing.assert_allclose(sizes, [1, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2], rtol=1e-4)


def test_same_seed_same_weights():
    model = configuration.build_model(load_config("ycrcb_l1"), 10)
    one, same, other = (jax.tree.leaves(model.init_compiled(jax.random.key(seed))) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))
