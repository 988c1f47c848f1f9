"""The maths of one training step."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import lax

from pix2pix_jax import color, losses
from pix2pix_jax.networks import Params
from pix2pix_jax.state import Model, Network, TrainState, Weights
from pix2pix_jax.tasks import ColorizationTask, Photo, photo_from_rgb

Metrics = dict[str, jax.Array]
"""Loss terms by name, float32 scalars."""


class Gradients(NamedTuple):
    """The gradients of one step, both taken at the weights the step began with.

    Attributes:
        generator: of the generator's loss, a pytree like its params.
        discriminator: of the discriminator's loss; None where the task has none.
    """

    generator: Params
    discriminator: Params | None


def _l1_loss(made: Photo, truth: Photo, task: ColorizationTask) -> tuple[jax.Array, Metrics]:
    loss, terms = jnp.zeros(()), {}
    if task.l1_rgb:
        terms["g_l1_rgb"] = losses.l1(made.rgb, truth.rgb)
        loss += task.l1_rgb * terms["g_l1_rgb"]
    if task.l1_chroma:
        terms["g_l1_chroma"] = losses.l1(made.chroma, truth.chroma)
        loss += task.l1_chroma * terms["g_l1_chroma"]
    return loss, terms


def gradients(model: Model, state: TrainState, images: jax.Array) -> tuple[Gradients, Params, Metrics]:
    """Gradients of both networks' losses on one batch.

    The fake is made once and judged once: one forward pass of the discriminator serves the generator's gradient
    (through what it sees) and its own (through its params).

    Args:
        model: the task and the networks.
        state: the state the step begins with.
        images: true photographs, uint8 RGB [batch, height, width, 3].

    Returns:
        The gradients; the generator's running averages, moved; and the loss terms that the task has: `g_loss` and
        its parts `g_bce` (cross-entropy of the fake with "real"), `g_l1_rgb` and `g_l1_chroma` (unweighted), `d_loss`
        and its parts `d_real` and `d_fake`.
    """
    truth = photo_from_rgb(color.from_uint8(images))

    def make(params: Params) -> tuple[Photo, Params]:
        output, moved = model.generator.apply(
            {"params": params, "batch_stats": state.averages},
            truth.luma,
            train=True,
            mutable=["batch_stats"],
        )
        return model.task.photo(truth.luma, output), moved["batch_stats"]

    def judge(params: Params, photo: Photo) -> jax.Array:
        return cast(jax.Array, model.discriminator.apply({"params": params}, model.task.judged(photo, truth.luma)))

    made, make_vjp, averages = jax.vjp(make, state.generator.params, has_aux=True)
    (g_loss, metrics), made_gradient = jax.value_and_grad(_l1_loss, has_aux=True)(made, truth, model.task)
    if state.discriminator is None:
        return Gradients(make_vjp(made_gradient)[0], None), averages, {"g_loss": g_loss, **metrics}

    params = state.discriminator.params
    fake_logits, fake_vjp = jax.vjp(judge, params, made)
    g_bce, fooled = jax.value_and_grad(losses.cross_entropy)(fake_logits, True)
    d_fake, caught = jax.value_and_grad(losses.cross_entropy)(fake_logits, False)
    d_real, real_gradient = jax.value_and_grad(lambda params: losses.cross_entropy(judge(params, truth), True))(params)
    generator_gradient = make_vjp(optax.tree.add(made_gradient, fake_vjp(fooled)[1]))[0]
    discriminator_gradient = optax.tree.add(real_gradient, fake_vjp(caught)[0])
    metrics |= {"g_loss": g_loss + g_bce, "g_bce": g_bce}
    metrics |= {"d_loss": d_real + d_fake, "d_real": d_real, "d_fake": d_fake}
    return Gradients(generator_gradient, discriminator_gradient), averages, metrics


def train_step(
    model: Model, state: TrainState, images: jax.Array, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """Takes one step of both networks (reference: both gradients at the weights from the start of the step).

    Args:
        model: the task, the networks and the optimizer.
        state: the state before the step.
        images: this device's share of the batch, uint8 RGB [batch, height, width, 3].
        axis_name: mapped device axis to average over; None on one device.

    Returns:
        The state after the step and the loss terms of `gradients`, the same on every device.
    """
    grads, averages, metrics = gradients(model, state, images)
    if axis_name is not None:
        grads, averages, metrics = lax.pmean((grads, averages, metrics), axis_name)
    generator = _update(model, state.generator, grads.generator)
    discriminator = state.discriminator
    if discriminator is not None:
        discriminator = _update(model, discriminator, grads.discriminator)
    ema = _moved_average(model.ema_decay, state, Weights(generator.params, averages))
    return TrainState(state.step + 1, generator, averages, discriminator, ema), metrics


def _moved_average(decay: float, state: TrainState, weights: Weights) -> Weights | None:
    """The moving average after a step that ends with these weights."""
    if state.ema is None:
        return None
    # At first an average over what few steps there are, lest it remember the random weights it began with.
    share = 1.0 - jnp.minimum(decay, (state.step + 1) / (state.step + 10))
    return cast(Weights, optax.incremental_update(cast(Any, weights), cast(Any, state.ema), share))


def _update(model: Model, network: Network, gradient: Params) -> Network:
    updates, opt_state = model.optimizer.update(gradient, network.opt_state, network.params)
    return Network(optax.apply_updates(network.params, updates), opt_state)
