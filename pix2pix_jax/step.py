"""The maths of one training step."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import lax

from pix2pix_jax import losses
from pix2pix_jax.aging import aged
from pix2pix_jax.networks import Params
from pix2pix_jax.state import Model, Network, TrainState, Weights
from pix2pix_jax.tasks import Task

Metrics = dict[str, jax.Array]
"""Loss terms by name, float32 scalars."""


class Gradients(NamedTuple):
    """The gradients of one step.

    Attributes:
        generator: of the generator's loss, a pytree like its params.
        discriminator: of the discriminator's loss; None where the task has none.
    """

    generator: Params
    discriminator: Params | None


class _Forward(NamedTuple):
    """What the generator made of a batch.

    Attributes:
        condition: what it was given.
        truth: the true image.
        made: the image it made.
        to_params: takes a gradient with respect to the image to one with respect to the generator's params.
        averages: its running averages, moved.
        gradient: of the terms that need the truth, with respect to the image.
        metrics: these terms, and `g_loss`, their weighted sum.
    """

    condition: jax.Array
    truth: Any
    made: Any
    to_params: Callable[[Any], Params]
    averages: Params
    gradient: Any
    metrics: Metrics


def _forward(model: Model, state: TrainState, batch: jax.Array, dropout_key: jax.Array) -> _Forward:
    task = cast(Task, model.task)
    condition, truth = task.example(batch)
    seen = aged(condition, jax.random.fold_in(dropout_key, 1), model.aged) if model.aged else condition

    def make(params: Params) -> tuple[Any, Params]:
        output, moved = model.generator.apply(
            {"params": params, "batch_stats": state.averages},
            seen,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": dropout_key},
        )
        return task.image(condition, output), moved.get("batch_stats", {})

    def reconstruction_loss(made: Any) -> tuple[jax.Array, Metrics]:
        terms = task.reconstruction_terms(made, truth)
        loss = sum((weight * term for weight, term in terms.values()), start=jnp.zeros(()))
        return loss, {name: term for name, (_, term) in terms.items()}

    made, make_vjp, averages = jax.vjp(make, state.generator.params, has_aux=True)
    (loss, terms), gradient = jax.value_and_grad(reconstruction_loss, has_aux=True)(made)
    return _Forward(condition, truth, made, lambda g: make_vjp(g)[0], averages, gradient, {"g_loss": loss, **terms})


def _judge(model: Model, forward: _Forward, params: Params, image: Any) -> jax.Array:
    """What the discriminator with these params says of an image: patch logits."""
    seen = model.task.judged(image, forward.condition)
    return cast(jax.Array, model.discriminator.apply({"params": params}, seen))


def _real_and_penalty(model: Model, forward: _Forward, key: jax.Array, params: Params) -> tuple[jax.Array, Metrics]:
    """The part of the discriminator's loss that the fake's logits have no part in, and its terms."""
    objective = model.objective
    logits = _judge(model, forward, params, forward.truth)
    d_real = losses.real_loss(logits, objective.gan, objective.real_label)
    if objective.gan != "wgan-gp":
        return objective.discriminator_factor * d_real, {"d_real": d_real}
    real, fake = (model.task.judged(image, forward.condition) for image in (forward.truth, forward.made))

    def judge(seen: jax.Array) -> jax.Array:
        return cast(jax.Array, model.discriminator.apply({"params": params}, seen))

    penalty = losses.gradient_penalty(judge, real, fake, jax.random.uniform(key, real.shape[:1]))
    loss = objective.discriminator_factor * (d_real + objective.gradient_penalty * penalty)
    return loss, {"d_real": d_real, "d_penalty": penalty}


def _fake_loss(model: Model, logits: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The part of the discriminator's loss that comes from the fake's logits: weighted, and as it is."""
    d_fake = losses.fake_loss(logits, model.objective.gan)
    return model.objective.discriminator_factor * d_fake, d_fake


def _with_adversarial(model: Model, metrics: Metrics, g_gan: jax.Array, d_loss: jax.Array, terms: Metrics) -> Metrics:
    name = "g_bce" if model.objective.gan == "vanilla" else "g_gan"
    return {**metrics, "g_loss": metrics["g_loss"] + g_gan, name: g_gan, "d_loss": d_loss, **terms}


def _gradients_together(
    model: Model, forward: _Forward, params: Params, penalty_key: jax.Array
) -> tuple[Gradients, Metrics]:
    """Both gradients at the weights that the step began with.

    The fake is judged once: one forward pass of the discriminator serves the generator's gradient (through what it
    sees) and its own (through its params).
    """
    logits, fake_vjp = jax.vjp(lambda params, made: _judge(model, forward, params, made), params, forward.made)
    g_gan, fooled = jax.value_and_grad(losses.fooling_loss)(logits, model.objective.gan)
    (fake_part, d_fake), caught = jax.value_and_grad(lambda x: _fake_loss(model, x), has_aux=True)(logits)
    (real_part, terms), real_gradient = jax.value_and_grad(
        lambda params: _real_and_penalty(model, forward, penalty_key, params), has_aux=True
    )(params)
    grads = Gradients(
        forward.to_params(optax.tree.add(forward.gradient, fake_vjp(fooled)[1])),
        optax.tree.add(real_gradient, fake_vjp(caught)[0]),
    )
    terms = {**terms, "d_fake": d_fake}
    return grads, _with_adversarial(model, forward.metrics, g_gan, fake_part + real_part, terms)


def _discriminator_gradient(
    model: Model, forward: _Forward, params: Params, penalty_key: jax.Array
) -> tuple[Params, jax.Array, Metrics]:
    """The gradient of the discriminator's loss alone, the loss, and its terms."""

    def loss(params: Params) -> tuple[jax.Array, Metrics]:
        fake_part, d_fake = _fake_loss(model, _judge(model, forward, params, forward.made))
        real_part, terms = _real_and_penalty(model, forward, penalty_key, params)
        return fake_part + real_part, {**terms, "d_fake": d_fake}

    (d_loss, terms), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    return gradient, d_loss, terms


def _generator_gradient(model: Model, forward: _Forward, params: Params) -> tuple[Params, jax.Array]:
    """The gradient of the generator's loss, judged by the discriminator with these params, and its adversarial term."""

    def loss(made: Any) -> jax.Array:
        return losses.fooling_loss(_judge(model, forward, params, made), model.objective.gan)

    g_gan, fooled = jax.value_and_grad(loss)(forward.made)
    return forward.to_params(optax.tree.add(forward.gradient, fooled)), g_gan


def gradients(model: Model, state: TrainState, batch: jax.Array) -> tuple[Gradients, Params, Metrics]:
    """Gradients of both networks' losses on one batch, both at the weights that the step begins with.

    Args:
        model: the task, the networks and the objective.
        state: the state the step begins with.
        batch: as for `train_step`.

    Returns:
        The gradients; the generator's running averages, moved; and the loss terms that the task has: `g_loss`, its
        adversarial part `g_bce` (of other objectives than "vanilla" `g_gan`) and its unweighted L1 terms; `d_loss` and
        its unweighted parts `d_real`, `d_fake` and `d_penalty`.
    """
    dropout_key, penalty_key = _keys(model, state, None)
    forward = _forward(model, state, batch, dropout_key)
    if state.discriminator is None:
        return Gradients(forward.to_params(forward.gradient), None), forward.averages, forward.metrics
    grads, metrics = _gradients_together(model, forward, state.discriminator.params, penalty_key)
    return grads, forward.averages, metrics


def train_step(
    model: Model, state: TrainState, batch: jax.Array, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """Takes one step of both networks.

    Both gradients are taken at the weights from the start of the step (reference), or, with `discriminator_first` in
    the objective, the discriminator is updated before the generator is judged by it (the authors' PyTorch code).

    Args:
        model: the task, the networks, their objective and their optimizers.
        state: the state before the step.
        batch: this device's share of the batch as it comes from the loader, [batch, height, width, channels]: uint8
            RGB for colouring; for pairs, the condition's channels and then the truth's.
        axis_name: mapped device axis to average over; None on one device.

    Returns:
        The state after the step and the loss terms of `gradients`, the same on every device.
    """
    # Of one device the mean would be a copy, for which all gradients would have to be there at once.
    alone = axis_name is None or lax.axis_size(axis_name) == 1

    def mean(tree: Any) -> Any:
        return tree if alone else lax.pmean(tree, axis_name)

    dropout_key, penalty_key = _keys(model, state, axis_name)
    forward = _forward(model, state, batch, dropout_key)
    discriminator = state.discriminator
    if discriminator is None:
        gradient, averages, metrics = mean((forward.to_params(forward.gradient), forward.averages, forward.metrics))
    elif model.objective.discriminator_first:
        gradient, d_loss, terms = _discriminator_gradient(model, forward, discriminator.params, penalty_key)
        discriminator = _update(model.discriminator_optimizer, discriminator, mean(gradient))
        gradient, g_gan = _generator_gradient(model, forward, discriminator.params)
        metrics = _with_adversarial(model, forward.metrics, g_gan, d_loss, terms)
        gradient, averages, metrics = mean((gradient, forward.averages, metrics))
    else:
        grads, metrics = _gradients_together(model, forward, discriminator.params, penalty_key)
        grads, averages, metrics = mean((grads, forward.averages, metrics))
        gradient = grads.generator
        discriminator = _update(model.discriminator_optimizer, discriminator, grads.discriminator)
    generator = _update(model.generator_optimizer, state.generator, gradient)
    ema = _moved_average(model.ema_decay, state, Weights(generator.params, averages))
    return TrainState(state.step + 1, generator, averages, discriminator, ema), metrics


def _keys(model: Model, state: TrainState, axis_name: str | None) -> tuple[jax.Array, jax.Array]:
    """Keys for dropout and for the gradient penalty: a function of seed and step, so that a resumed run draws alike."""
    key = jax.random.fold_in(jax.random.key(model.seed), state.step)
    if axis_name is not None:
        key = jax.random.fold_in(key, lax.axis_index(axis_name))
    dropout_key, penalty_key = jax.random.split(key)
    return dropout_key, penalty_key


def _moved_average(decay: float, state: TrainState, weights: Weights) -> Weights | None:
    """The moving average after a step that ends with these weights."""
    if state.ema is None:
        return None
    # At first an average over what few steps there are, lest it remember the random weights it began with.
    share = 1.0 - jnp.minimum(decay, (state.step + 1) / (state.step + 10))
    return cast(Weights, optax.incremental_update(cast(Any, weights), cast(Any, state.ema), share))


def _update(optimizer: optax.GradientTransformation, network: Network, gradient: Params) -> Network:
    updates, opt_state = optimizer.update(gradient, network.opt_state, network.params)
    return Network(optax.apply_updates(network.params, updates), opt_state)
