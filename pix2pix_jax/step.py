"""The maths of one training step."""

import zlib
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import lax

from pix2pix_jax import losses
from pix2pix_jax.aging import aged
from pix2pix_jax.networks import Params
from pix2pix_jax.state import Model, Network, TrainState, Weights

Metrics = dict[str, jax.Array]
"""Loss terms by name, float32 scalars."""

# A stream of random numbers of its own: without it, a step's key would be one of those that the weights began from.
_STREAM = zlib.crc32(b"training step")


class Keys(NamedTuple):
    """What a step draws from, on one device."""

    dropout: jax.Array
    aging: jax.Array
    penalty: jax.Array


def keys(model: Model, state: TrainState, axis_name: str | None = None) -> Keys:
    """A step's keys: functions of seed, step and device, so that a resumed run draws the same."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(model.seed), _STREAM), state.step)
    if axis_name is not None:
        key = jax.random.fold_in(key, lax.axis_index(axis_name))
    return Keys(*jax.random.split(key, 3))


def generate(model: Model, params: Params, state: TrainState, condition: jax.Array, keys: Keys) -> tuple[Any, Params]:
    """Generates images in training mode.

    Args:
        model: the task and the networks.
        params: of the generator.
        state: the state that has its running averages.
        condition: the input, float [batch, height, width, channels] in [-1, 1].
        keys: what dropout and aging are drawn from.

    Returns:
        The images, as the task has them, and the updated running averages.
    """
    seen = aged(condition, keys.aging, model.aged) if model.aged else condition
    output, updated = model.generator.apply(
        {"params": params, "batch_stats": state.averages},
        seen,
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": keys.dropout},
    )
    return model.task.image(condition, output), updated.get("batch_stats", {})


def generator_loss(
    params: Params, model: Model, state: TrainState, batch: jax.Array, keys: Keys, discriminator: Params | None
) -> tuple[jax.Array, tuple[Params, Metrics]]:
    """The generator's loss: the weighted terms that need the truth, and whether the discriminator is fooled.

    Returns:
        The loss; the updated running averages; and the terms: `g_loss`, the unweighted ones of the task, and the
        adversarial one, `g_bce` with "vanilla" and `g_gan` with other objectives.
    """
    condition, truth = model.task.example(batch)
    generated, averages = generate(model, params, state, condition, keys)
    terms = cast(Any, model.task).reconstruction_terms(generated, truth)
    loss = sum((weight * term for weight, term in terms.values()), start=jnp.zeros(()))
    metrics = {name: term for name, (_, term) in terms.items()}
    if discriminator is not None:
        logits = model.discriminator.apply({"params": discriminator}, model.task.judged(generated, condition))
        fooling = losses.fooling_loss(cast(jax.Array, logits), model.objective.gan)
        loss += fooling
        metrics["g_bce" if model.objective.gan == "vanilla" else "g_gan"] = fooling
    return loss, (averages, {"g_loss": loss, **metrics})


def discriminator_loss(
    params: Params, model: Model, state: TrainState, batch: jax.Array, keys: Keys
) -> tuple[jax.Array, Metrics]:
    """The discriminator's loss on true and generated images, and its unweighted terms.

    Returns:
        The loss, and the terms `d_loss`, `d_real`, `d_fake` and, with "wgan-gp", `d_penalty`.
    """
    objective, task = model.objective, cast(Any, model.task)
    condition, truth = task.example(batch)
    generated, _ = generate(model, state.generator.params, state, condition, keys)
    real, fake = task.judged(truth, condition), task.judged(generated, condition)

    def judge(seen: jax.Array) -> jax.Array:
        return cast(jax.Array, model.discriminator.apply({"params": params}, seen))

    terms = {
        "d_real": losses.real_loss(judge(real), objective.gan, objective.real_label),
        "d_fake": losses.fake_loss(judge(fake), objective.gan),
    }
    loss = terms["d_real"] + terms["d_fake"]
    if objective.gan == "wgan-gp":
        share = jax.random.uniform(keys.penalty, real.shape[:1])
        terms["d_penalty"] = losses.gradient_penalty(judge, real, fake, share)
        loss += objective.gradient_penalty * terms["d_penalty"]
    loss *= objective.discriminator_factor
    return loss, {"d_loss": loss, **terms}


def train_step(
    model: Model, state: TrainState, batch: jax.Array, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """Takes one step of both networks.

    Both gradients are taken at the weights from the start of the step (reference), or, with `discriminator_first` in
    the objective, the updated discriminator judges the generator (the authors' PyTorch code). The two losses share
    most of their computation; XLA merges it.

    Args:
        model: the task, the networks, their objective and their optimizers.
        state: the state before the step.
        batch: this device's share of the batch as it comes from the loader, [batch, height, width, channels]: uint8
            RGB for colouring; for pairs, the condition's channels and then the truth's.
        axis_name: mapped device axis to average over; None on one device.

    Returns:
        The state after the step and the terms of both losses, the same on every device.
    """
    # On one device the mean would be a copy, for which all gradients would have to be there at once.
    alone = axis_name is None or lax.axis_size(axis_name) == 1

    def mean(tree: Any) -> Any:
        return tree if alone else lax.pmean(tree, axis_name)

    drawn = keys(model, state, axis_name)
    judge = discriminator = state.discriminator
    d_terms: Metrics = {}
    if discriminator is not None:
        gradient, d_terms = mean(
            jax.grad(discriminator_loss, has_aux=True)(discriminator.params, model, state, batch, drawn)
        )
        discriminator = _update(model.discriminator_optimizer, discriminator, gradient)
        judge = discriminator if model.objective.discriminator_first else state.discriminator
    gradient, (averages, g_terms) = mean(
        jax.grad(generator_loss, has_aux=True)(
            state.generator.params, model, state, batch, drawn, judge and judge.params
        )
    )
    generator = _update(model.generator_optimizer, state.generator, gradient)
    ema = _moved_average(model.ema_decay, state, Weights(generator.params, averages))
    return TrainState(state.step + 1, generator, averages, discriminator, ema), {**g_terms, **d_terms}


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
