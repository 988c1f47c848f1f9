"""The training step: its gradients, what it draws, and several devices."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import initial_state as initial_weights
from helpers import load_config, smooth_images
from jax.sharding import Mesh, PartitionSpec

from benchmarks.parity import recipe
from benchmarks.parity.jax_side import initial_state
from pix2pix_jax import losses, step
from pix2pix_jax.config import default_config, updated
from pix2pix_jax.state import AXIS, Weights, build_model
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


def small_model(**changes):
    return build_model(updated(default_config(), SMALL | {k.replace("__", "."): v for k, v in changes.items()}), 10)


def reference_model(name="ycrcb_rgb", **changes):
    return build_model(load_config(name, **changes), total_steps=10)


@pytest.fixture(scope="module")
def state():
    return small_model().init_compiled(jax.random.key(0))


@pytest.fixture(scope="module")
def pairs():
    return jnp.asarray(np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8))


def textbook(model, state, pairs):
    """The two losses as functions of params, each with an image of its own, made with this step's dropout."""
    drawn = step.keys(model.config.seed, state.step)
    task, objective = model.config.task, model.config.objective
    condition, truth = task.example(pairs)

    def make(params):
        variables = {"params": params, "batch_stats": state.averages}
        rngs = {"dropout": drawn.dropout}
        return model.generator.apply(variables, condition, train=True, mutable=["batch_stats"], rngs=rngs)[0]

    def discriminate(params, image):
        return model.discriminator.apply({"params": params}, task.discriminator_input(image, condition))

    def generator_loss(params, d_params):
        made = make(params)
        adversarial = losses.fooling_loss(discriminate(d_params, made), objective.gan)
        return adversarial + 100.0 * jnp.abs(made - truth).mean()

    def discriminator_loss(params):
        made = make(state.generator.params)
        loss = losses.real_loss(discriminate(params, truth), objective.gan, objective.real_label)
        loss += losses.fake_loss(discriminate(params, made), objective.gan)
        if objective.gan == "wgan-gp":
            share = jax.random.uniform(drawn.penalty, (2,))
            real, fake = task.discriminator_input(truth, condition), task.discriminator_input(made, condition)
            see = lambda seen: model.discriminator.apply({"params": params}, seen)  # noqa: E731
            loss += objective.gradient_penalty * losses.gradient_penalty(see, real, fake, share)
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
    model = small_model(
        objective__gan=gan, objective__discriminator_first=discriminator_first, objective__real_label=0.9
    )

    @jax.jit
    def both(state, pairs):
        generator_loss, discriminator_loss = textbook(model, state, pairs)
        old = state.discriminator.params
        d_loss, gradient = jax.value_and_grad(discriminator_loss)(old)
        new = adams_step(old, gradient, 0.02)
        d_params = new if discriminator_first else old
        g_loss, g_gradient = jax.value_and_grad(generator_loss)(state.generator.params, d_params)
        textbooks = g_loss, d_loss, adams_step(state.generator.params, g_gradient, 0.01), new
        return textbooks, step.train_step(model, state, pairs)

    (g_loss, d_loss, generator, discriminator), (after, metrics) = both(state, pairs)
    assert float(metrics["g_loss"]) == pytest.approx(float(g_loss), rel=1e-5)
    assert float(metrics["d_loss"]) == pytest.approx(float(d_loss), rel=1e-5)
    # Adam's first step is a learning rate long whatever the gradient, so what rounding makes of a zero does not count.
    for network, wanted, rate in ((after.generator, generator, 0.01), (after.discriminator, discriminator, 0.02)):
        differing = jax.tree.map(lambda a, b, rate=rate: (jnp.abs(a - b) > 0.01 * rate).mean(), network.params, wanted)
        assert np.mean(jax.tree.leaves(differing)) < 0.02


def test_keys_are_no_one_elses():
    """Each step, seed and device draws its own, and none draws what the weights began from."""
    on_devices = jax.pmap(lambda _: jax.random.key_data(jnp.stack(step.keys(3, 0, AXIS))), axis_name=AXIS)(jnp.zeros(8))
    drawn = [step.keys(seed, number) for seed in (3, 4) for number in (0, 1, 2)]
    drawn += [jax.random.split(key, 3) for key in jax.random.split(jax.random.key(3))]
    data = [*np.reshape(on_devices, (-1, 2)), *(np.asarray(jax.random.key_data(k)) for keys in drawn for k in keys)]
    assert len({key.tobytes() for key in data}) == 4 * (8 + 6) + 3 * 2


def test_dropout_follows_from_the_step(state, pairs):
    train_step = jax.jit(partial(step.train_step, small_model()))
    first, again, later = (train_step(state.replace(step=number), pairs)[1]["g_l1"] for number in (0, 0, 1))
    assert float(first) == float(again) != float(later)


def test_loss_terms_add_up():
    model = reference_model(sync_batch_norm=False)
    _, metrics = jax.jit(partial(step.train_step, model))(initial_weights(), smooth_images(4, 32))
    assert set(metrics) == {"g_loss", "g_bce", "g_l1_rgb", "g_l1_chroma", "d_loss", "d_real", "d_fake"}
    total = metrics["g_bce"] + 25 * metrics["g_l1_rgb"] + 75 * metrics["g_l1_chroma"]
    np.testing.assert_allclose(metrics["g_loss"], total, rtol=1e-6)
    np.testing.assert_allclose(metrics["d_loss"], metrics["d_real"] + metrics["d_fake"], rtol=1e-6)


def test_without_a_discriminator_l1_alone_is_left(pairs):
    model = small_model(task__adversarial=False)
    state = model.init_compiled(jax.random.key(0))
    assert state.discriminator is None
    moved, metrics = jax.jit(partial(step.train_step, model))(state, pairs)
    assert moved.discriminator is None
    assert set(metrics) == {"g_loss", "g_l1"}
    assert float(metrics["g_loss"]) == pytest.approx(100 * float(metrics["g_l1"]))


def test_moving_average_follows_the_weights():
    train_step = jax.jit(partial(step.train_step, reference_model("ycrcb_l1", sync_batch_norm=False, ema_decay=0.15)))
    images, weights = smooth_images(4, 32), initial_weights().trained
    assert initial_weights().ema is None
    state = initial_weights().replace(discriminator=None, ema=weights)
    first, _ = train_step(state, images)
    second, _ = train_step(first, images)
    # The second step would keep 2/11 of an average over so few, and is held to the decay.
    for before, after, kept in ((state, first, 0.1), (first, second, 0.15)):
        now = Weights(after.generator.params, after.averages)
        wanted = jax.tree.map(lambda old, new, kept=kept: kept * old + (1 - kept) * new, before.trained, now)
        assert jax.tree.all(jax.tree.map(partial(np.allclose, atol=1e-6), after.trained, wanted))
        assert not jax.tree.all(jax.tree.map(partial(np.allclose, atol=1e-6), after.trained, now))


def test_eight_devices_do_as_one():
    # From weights that keep clear of the activations' kinks (see the recipe): what is left is the devices' part.
    seeds = range(16 // recipe.BATCH_SIZE)
    batches = [np.concatenate([recipe.photographs(number, seed) for seed in seeds]) for number in range(2)]
    alone, together = reference_model(sync_batch_norm=False), reference_model()
    one, mapped = jax.jit(partial(step.train_step, alone)), parallel.parallel_train_step(together)
    state, shared = initial_state(alone, recipe.SEED), parallel.place(initial_state(together, recipe.SEED))
    for number, batch in enumerate(batches):
        state, wanted = one(state, batch)
        shared, got = mapped(shared, batch.reshape(8, -1, *batch.shape[1:]))
        assert jax.tree.map(float, got) == pytest.approx(jax.tree.map(float, wanted), rel=1e-5, abs=0), number


def test_a_step_on_eight_devices_leaves_one_state_and_is_the_same_by_shard_map(pairs):
    model = small_model(objective__gan="wgan-gp", sync_batch_norm=True, objective__discriminator_first=True)
    state = parallel.place(model.init_compiled(jax.random.key(0)))
    kernel, batch = state.generator.params["down2"]["kernel"], jnp.repeat(pairs, 4, 0)
    whole, split = PartitionSpec(), PartitionSpec(AXIS)
    body = partial(step.train_step, model, axis_name=AXIS)
    sharded = jax.shard_map(
        body, mesh=Mesh(jax.devices(), AXIS), in_specs=(whole, split), out_specs=(whole, whole), check_vma=False
    )
    other, other_metrics = jax.jit(sharded)(state, batch)
    after, metrics = parallel.parallel_train_step(model)(state, batch[:, None])
    assert jax.tree.map(float, other_metrics) == pytest.approx(jax.tree.map(float, metrics), rel=1e-6, abs=0)
    # Adam's averages, not the weights: of a gradient that is nothing but rounding Adam makes a whole step.
    for network in ("generator", "discriminator"):
        got, wanted = (getattr(one, network).opt_state for one in (other, after))
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=2e-5), got, wanted)
    assert kernel.is_deleted()  # its memory is taken over
    assert int(after.step) == 1
    assert after.generator.params["down2"]["kernel"].shape == kernel.shape  # an ordinary pytree, not stacked
    for leaf in jax.tree.leaves((after, metrics)):
        shards = [np.asarray(shard.data) for shard in leaf.addressable_shards]
        assert len(shards) == 8
        assert all(np.isfinite(shard).all() and (shard == shards[0]).all() for shard in shards)


def test_placed_state_has_memory_of_its_own():
    weights = np.ones((64, 1024), np.float32)  # large enough for JAX to use NumPy's memory as it is
    placed = parallel.place({"one": weights, "other": weights, "on_a_device": jnp.asarray(weights)})
    found = [shard.data.unsafe_buffer_pointer() for leaf in placed.values() for shard in leaf.addressable_shards]
    assert len(set(found)) == 3 * 8
    assert weights.ctypes.data not in found
