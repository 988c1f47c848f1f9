"""The step with the paper's networks: every objective, both orders, dropout."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from pix2pix_jax import losses, step
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.state import AXIS, build_model
from pix2pix_jax.training import parallel

pytestmark = pytest.mark.usefixtures("plain_operations")

SMALL = {
    "seed": 3,
    "sync_batch_norm": False,
    "task.kind": "translation",
    "task.input_channels": 1,
    "task.output_channels": 2,
    "generator.network": "unet",
    "generator.depth": 3,
    "generator.width": 4,
    "discriminator.network": "patchgan",
    "discriminator.layers": 1,
    "discriminator.width": 4,
    "discriminator.norm": "instance",
    "adam.learning_rate": 0.01,
    "adam.discriminator_learning_rate": 0.02,
    "objective.discriminator_factor": 0.5,
}


def make_model(**changes):
    return build_model(updated(default_config(), SMALL | {k.replace("__", "."): v for k, v in changes.items()}), 10)


@pytest.fixture(scope="module")
def state():
    return make_model().init_compiled(jax.random.key(0))


@pytest.fixture(scope="module")
def pairs():
    return jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8))


def textbook(model, state, pairs, judged_by=None):
    """The fake with this step's dropout, and the two losses as functions of params, each with a fake of its own."""
    dropout_key, penalty_key = step._keys(model, state, None)
    condition, truth = model.task.example(pairs)
    objective = model.objective

    def fake(params):
        variables = {"params": params, "batch_stats": state.averages}
        made, _ = model.generator.apply(
            variables, condition, train=True, mutable=["batch_stats"], rngs={"dropout": dropout_key}
        )
        return made

    def judge(params, image):
        return model.discriminator.apply({"params": params}, model.task.judged(image, condition))

    def generator_loss(params, judge_params):
        made = fake(params)
        adversarial = losses.fooling_loss(judge(judge_params, made), objective.gan)
        return adversarial + 100.0 * jnp.abs(made - truth).mean()

    def discriminator_loss(params):
        made = jax.lax.stop_gradient(fake(state.generator.params))
        loss = losses.real_loss(judge(params, truth), objective.gan, objective.real_label)
        loss += losses.fake_loss(judge(params, made), objective.gan)
        if objective.gan == "wgan-gp":
            share = jax.random.uniform(penalty_key, (2,))
            real, false = model.task.judged(truth, condition), model.task.judged(made, condition)
            see = lambda seen: model.discriminator.apply({"params": params}, seen)  # noqa: E731
            loss += objective.gradient_penalty * losses.gradient_penalty(see, real, false, share)
        return objective.discriminator_factor * loss

    return generator_loss, discriminator_loss


def adams_step(params, gradient, learning_rate):
    """Adam's first step."""
    moved = lambda param, g: param - learning_rate * g / (jnp.abs(g) + 1e-8)  # noqa: E731
    return jax.tree.map(moved, params, gradient)


@pytest.mark.parametrize(
    ("gan", "discriminator_first"), [("vanilla", False), ("vanilla", True), ("hinge", False), ("wgan-gp", True)]
)
def test_a_step_is_the_textbooks(gan, discriminator_first, state, pairs):
    model = make_model(
        objective__gan=gan, objective__discriminator_first=discriminator_first, objective__real_label=0.9
    )

    @jax.jit
    def both(state, pairs):
        generator_loss, discriminator_loss = textbook(model, state, pairs)
        old = state.discriminator.params
        d_loss, gradient = jax.value_and_grad(discriminator_loss)(old)
        new = adams_step(old, gradient, 0.02)
        g_loss, g_gradient = jax.value_and_grad(generator_loss)(
            state.generator.params, new if discriminator_first else old
        )
        textbooks = g_loss, d_loss, adams_step(state.generator.params, g_gradient, 0.01), new
        return textbooks, step.train_step(model, state, pairs)

    (g_loss, d_loss, generator, discriminator), (after, metrics) = both(state, pairs)
    assert float(metrics["g_loss"]) == pytest.approx(float(g_loss), rel=1e-5)
    assert float(metrics["d_loss"]) == pytest.approx(float(d_loss), rel=1e-5)
    # Adam's first step is a learning rate long whatever the gradient, so what rounding makes of a zero does not count.
    for got, wanted, rate in [
        (after.generator.params, generator, 0.01),
        (after.discriminator.params, discriminator, 0.02),
    ]:
        differing = [
            (np.abs(np.asarray(a) - np.asarray(b)) > 0.01 * rate).mean()
            for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True)
        ]
        assert np.mean(differing) < 0.02


def test_dropout_follows_from_seed_and_step_alone(state, pairs):
    model = make_model()
    make = jax.jit(
        lambda model_seed, state: (
            step._forward(
                model, state, pairs, step._keys(dataclasses.replace(model, seed=model_seed), state, None)[0]
            ).made
        ),
        static_argnums=0,
    )
    later = state.replace(step=state.step + 1)
    one = make(3, state)
    np.testing.assert_array_equal(one, make(3, jax.tree.map(jnp.copy, state)))
    assert float(jnp.abs(one - make(4, state)).max()) > 1e-4
    assert float(jnp.abs(one - make(3, later)).max()) > 1e-4


def test_devices_drop_out_each_in_their_own_way(state, pairs):
    model = make_model(generator__norm="none", discriminator__norm="none", sync_batch_norm=True)
    none = model.init_compiled(jax.random.key(0))
    same = jnp.repeat(pairs[:1], 8, 0)[:, None]

    def made(state, pair):
        return step._forward(model, state, pair, step._keys(model, state, AXIS)[0]).made

    images = jax.pmap(made, axis_name=AXIS, in_axes=(None, 0))(none, same)
    assert len({np.asarray(image).tobytes() for image in images}) == 8


def by_shard_map(model):
    """The step over all devices by `jax.jit(jax.shard_map(...))`."""
    mesh = Mesh(np.array(jax.devices()), (AXIS,))
    whole, split = PartitionSpec(), PartitionSpec(AXIS)
    body = partial(step.train_step, model, axis_name=AXIS)
    return jax.jit(jax.shard_map(body, mesh=mesh, in_specs=(whole, split), out_specs=(whole, whole), check_vma=False))


@pytest.mark.parametrize("gan", ["vanilla", "wgan-gp"])
def test_a_step_on_eight_devices_leaves_one_state_and_is_the_same_by_shard_map(gan, pairs):
    model = make_model(objective__gan=gan, sync_batch_norm=True, objective__discriminator_first=True)
    state = parallel.place(model.init_compiled(jax.random.key(0)))
    batch = jnp.repeat(pairs, 4, 0)
    sharded, sharded_metrics = by_shard_map(model)(state, batch)
    state, metrics = parallel.parallel_train_step(model)(state, batch[:, None])
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state.generator, state.discriminator, metrics)))
    kernel = state.generator.params["down2"]["kernel"]
    shards = [np.asarray(shard.data) for shard in kernel.addressable_shards]
    assert len(shards) == 8
    assert all((shard == shards[0]).all() for shard in shards)
    assert jax.tree.map(float, sharded_metrics) == pytest.approx(jax.tree.map(float, metrics), rel=1e-6, abs=0)
    for network in ("generator", "discriminator"):
        # Adam's averages, not the weights: of a gradient that is nothing but rounding Adam makes a whole step.
        got, wanted = (jax.tree.leaves(getattr(after, network).opt_state) for after in (sharded, state))
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-5)


def test_without_a_discriminator_l1_alone_is_left(pairs):
    model = make_model(task__adversarial=False)
    state = model.init_compiled(jax.random.key(0))
    assert state.discriminator is None
    _, metrics = jax.jit(partial(step.train_step, model))(state, pairs)
    assert set(metrics) == {"g_loss", "g_l1"}
    assert float(metrics["g_loss"]) == pytest.approx(100 * float(metrics["g_l1"]))
