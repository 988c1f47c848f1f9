import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import initial_state as initial_weights
from helpers import load_config, smooth_images

from benchmarks.parity import recipe
from benchmarks.parity.jax_side import initial_state
from pix2pix_jax import color, losses, step
from pix2pix_jax.inference import generate
from pix2pix_jax.networks.reference import ReferenceDiscriminator
from pix2pix_jax.state import Weights, build_model
from pix2pix_jax.tasks import photo_from_rgb
from pix2pix_jax.training import parallel

SIDE = 32
pytestmark = pytest.mark.usefixtures("plain_operations")


def make_model(name="ycrcb_rgb", **changes):
    return build_model(load_config(name, **changes), total_steps=10)


@pytest.fixture(scope="module")
def model():
    return make_model(sync_batch_norm=False)


@pytest.fixture(scope="module")
def state(model):
    return initial_weights()


@pytest.fixture(scope="module")
def images():
    return jnp.asarray(smooth_images(4, SIDE))


def textbook_losses(model, generator_params, discriminator_params, state, images):
    """The reference's two losses, written as it states them, with a fake of its own for each."""
    truth = photo_from_rgb(color.from_pixels(images))

    def judge(photo):
        return model.discriminator.apply({"params": discriminator_params}, model.task.judged(photo, truth.luma))

    variables = {"params": generator_params, "batch_stats": state.averages}
    output, _ = model.generator.apply(variables, truth.luma, train=True, mutable=["batch_stats"])
    fake = model.task.image(truth.luma, output)
    l1_rgb, l1_chroma = losses.l1(fake.rgb, truth.rgb), losses.l1(output, truth.chroma)
    generator_loss = losses.cross_entropy(judge(fake), 1.0) + 75 * l1_chroma + 25 * l1_rgb
    still = jax.tree.map(jax.lax.stop_gradient, fake)
    discriminator_loss = losses.cross_entropy(judge(truth), 1.0) + losses.cross_entropy(judge(still), 0.0)
    return generator_loss, discriminator_loss


@pytest.fixture(scope="module")
def step_gradients(model, state, images):
    return jax.jit(partial(step.gradients, model))(state, images)


def test_gradients_are_those_of_the_textbook_losses(model, state, images, step_gradients):
    found, _, metrics = step_gradients

    @jax.jit
    def textbook(*params):
        values, vjp = jax.vjp(lambda *params: textbook_losses(model, *params, state, images), *params)
        return values, (vjp((1.0, 0.0))[0], vjp((0.0, 1.0))[1])

    values, gradients = textbook(state.generator.params, state.discriminator.params)
    for name, value in zip(("g_loss", "d_loss"), values, strict=True):
        np.testing.assert_allclose(metrics[name], value, rtol=1e-5)
    for gradient, wanted in zip((found.generator, found.discriminator), gradients, strict=True):
        for got, want in zip(jax.tree.leaves(gradient), jax.tree.leaves(wanted), strict=True):
            # A bias before a batch norm has no gradient but rounding, which differs between processors.
            scale = max(float(jnp.linalg.norm(want)), 0.1)
            np.testing.assert_allclose(got, want, rtol=0, atol=2e-4 * scale)


def test_loss_terms_add_up(step_gradients):
    _, _, metrics = step_gradients
    assert set(metrics) == {"g_loss", "g_bce", "g_l1_rgb", "g_l1_chroma", "d_loss", "d_real", "d_fake"}
    total = metrics["g_bce"] + 25 * metrics["g_l1_rgb"] + 75 * metrics["g_l1_chroma"]
    np.testing.assert_allclose(metrics["g_loss"], total, rtol=1e-6)
    np.testing.assert_allclose(metrics["d_loss"], metrics["d_real"] + metrics["d_fake"], rtol=1e-6)


def test_the_fake_is_judged_once(state, images):
    calls = []

    class Counting(ReferenceDiscriminator):
        def __call__(self, image):
            calls.append(image.shape)
            return super().__call__(image)

    model = make_model(sync_batch_norm=False)
    counting = dataclasses.replace(model, discriminator=Counting())
    jax.eval_shape(partial(step.gradients, counting), state, images)
    assert calls == [(4, SIDE, SIDE, 3)] * 2  # the fake, and the truth


def test_without_a_discriminator_there_is_nothing_of_it(images):
    model = make_model("ycrcb_l1", sync_batch_norm=False)
    state = jax.eval_shape(model.init, jax.random.key(0))
    assert state.discriminator is None
    moved, metrics = jax.eval_shape(partial(step.train_step, model), state, images)
    assert moved.discriminator is None
    assert set(metrics) == {"g_loss", "g_l1_rgb", "g_l1_chroma"}


def test_moving_average_follows_the_weights(images):
    model = make_model("ycrcb_l1", sync_batch_norm=False, ema_decay=0.15)
    train_step = jax.jit(partial(step.train_step, model))
    weights = initial_weights().trained
    state = initial_weights().replace(discriminator=None, ema=weights)
    first, _ = train_step(state, images)
    second, _ = train_step(first, images)
    # The second step would keep 2/11 of an average over so few, and is held to the decay.
    for before, after, kept in ((state, first, 0.1), (first, second, 0.15)):
        now = Weights(after.generator.params, after.averages)
        wanted = jax.tree.map(lambda old, new, kept=kept: kept * old + (1 - kept) * new, before.trained, now)
        assert jax.tree.all(jax.tree.map(partial(np.allclose, atol=1e-6), after.trained, wanted))
        assert not jax.tree.all(jax.tree.map(partial(np.allclose, atol=1e-6), after.trained, now))


def test_no_average_is_kept_unless_asked_for(state):
    assert state.ema is None
    assert state.trained == Weights(state.generator.params, state.averages)


def on_one_device():
    """The step by itself."""
    return jax.jit(partial(step.train_step, make_model(sync_batch_norm=False)))


def over_devices():
    """The mapped step as training has it."""
    mapped = parallel.parallel_train_step(make_model())
    return lambda state, batch: mapped(state, batch.reshape(8, -1, *batch.shape[1:]))


def run_steps(mapped, batches, place):
    """The loss terms of each step."""
    state, found = place(initial_state(make_model(), recipe.SEED)), []
    for batch in batches:
        state, metrics = mapped(state, batch)
        found.append({name: float(value) for name, value in metrics.items()})
    return found


def test_eight_devices_do_as_one():
    # From weights that keep clear of the activations' kinks (see the recipe): what is left is the devices' part.
    seeds = range(16 // recipe.BATCH_SIZE)
    batches = [np.concatenate([recipe.photographs(number, seed) for seed in seeds]) for number in range(2)]
    one = run_steps(on_one_device(), batches, place=lambda state: state)
    eight = run_steps(over_devices(), batches, parallel.place)
    for number, (wanted, got) in enumerate(zip(one, eight, strict=True)):
        assert got == pytest.approx(wanted, rel=1e-5, abs=0), f"step {number}"


def test_placed_state_has_memory_of_its_own():
    weights = np.ones((64, 1024), np.float32)  # large enough for JAX to use NumPy's memory as it is
    placed = parallel.place({"one": weights, "other": weights, "on_a_device": jnp.asarray(weights)})
    found = [shard.data.unsafe_buffer_pointer() for leaf in placed.values() for shard in leaf.addressable_shards]
    assert len(set(found)) == 3 * 8
    assert weights.ctypes.data not in found


def test_parallel_step_takes_over_the_state_and_uses_every_device(caplog):
    model = make_model("ycrcb_l1")
    state = parallel.place(initial_weights().replace(discriminator=None))
    batch = smooth_images(8, SIDE).reshape(8, 1, SIDE, SIDE, 3)
    kernel = state.generator.params["enc1"]["conv"]["kernel"]
    train_step = parallel.parallel_train_step(model)
    state, _ = train_step(state, batch)
    assert kernel.is_deleted()
    moved = state.generator.params["enc1"]["conv"]["kernel"]
    assert moved.shape == (5, 5, 1, 32)  # an ordinary pytree, not stacked
    assert len(moved.sharding.device_set) == 8
    assert int(state.step) == 1
    with jax.log_compiles(), caplog.at_level("WARNING"):
        train_step(state, batch)
    assert not [record for record in caplog.records if "Compiling" in record.getMessage()]


def test_colorize_looks_at_luma_alone_and_keeps_it(model, state, images):
    colorize = jax.jit(partial(generate.colorize, model))
    made = colorize(state.trained, images)
    gray = np.repeat(255 * color.to_gray(np.asarray(images) / 255), 3, -1).round().astype(np.uint8)
    again = colorize(state.trained, gray)
    assert made.shape == images.shape
    assert float(made.min()) >= 0.0
    assert float(made.max()) <= 1.0
    # Rounding grey to whole levels is all that differs.
    np.testing.assert_allclose(made, again, atol=0.02)


def test_saturation_multiplies_the_chroma_that_is_made(images):
    luma = np.asarray(color.to_gray(np.asarray(images) / 255) * 255).round().astype(np.uint8)[..., 0]
    plain = make_model("rgb_rgb", sync_batch_norm=False)
    random = np.random.default_rng(0)
    shapes = jax.eval_shape(plain.init, jax.random.key(0)).trained
    params, averages = jax.tree.map(
        lambda leaf: random.normal(0, 0.1, leaf.shape).astype(np.float32), (shapes.params, shapes.averages)
    )
    weights = Weights(params, jax.tree.map(np.abs, averages))
    models = plain, dataclasses.replace(plain, saturation=1.5)
    make = jax.jit(lambda weights, luma: [generate.make_chroma(model, weights, luma) for model in models])
    made, stronger = make(weights, luma)
    assert float(jnp.abs(made).max()) > 0.01
    np.testing.assert_allclose(stronger, 1.5 * made, atol=1e-6)
