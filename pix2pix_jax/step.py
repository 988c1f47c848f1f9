"""The maths of one training step."""

import zlib
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.experimental.layout import Layout, with_layout_constraint
from jax.typing import ArrayLike

from pix2pix_jax import losses
from pix2pix_jax.aging import aged
from pix2pix_jax.config import Config
from pix2pix_jax.networks import Params
from pix2pix_jax.state import Model, Network, TrainState, Weights
from pix2pix_jax.tasks import ColorizationTask

Metrics = dict[str, jax.Array]
"""Loss terms by name, float32 scalars."""

# A stream of random numbers of its own: without it, a step's key could be one that the weights began from.
_STREAM = zlib.crc32(b"training step")


class Keys(NamedTuple):
    """What a step draws from, on one device."""

    dropout: jax.Array
    aging: jax.Array
    penalty: jax.Array
    points: jax.Array


def keys(seed: int, number: ArrayLike, axis_name: str | None = None) -> Keys:
    """The keys of the step after `number` others, by seed, step and device: a resumed run draws the same."""
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), _STREAM), number)
    if axis_name is not None:
        key = jax.random.fold_in(key, lax.axis_index(axis_name))
    return Keys(*jax.random.split(key, 4))


def train_step(
    model: Model, state: TrainState, batch: jax.Array, axis_name: str | None = None
) -> tuple[TrainState, Metrics]:
    """Takes one step of both networks.

    Both gradients are taken at the weights from the start of the step (reference), or, with `discriminator_first` in
    the objective, the discriminator is updated before the generator's loss is computed (the authors' PyTorch code).

    Args:
        model: the config, the networks and their optimizers.
        state: the state before the step.
        batch: this device's share of the batch as it comes from the loader, [batch, height, width, channels]: uint8
            RGB for colouring; for pairs, the condition's channels and then the truth's.
        axis_name: mapped device axis to average over; None on one device.

    Returns:
        The state after the step, and the loss terms that the task has, the same on every device: `g_loss`, its
        adversarial part `g_bce` (of other objectives than "vanilla" `g_gan`) and its unweighted terms that need the
        truth, `g_features` among them; `d_loss` and its unweighted parts `d_real`, `d_fake` and `d_penalty`.
    """
    # On one device the mean would be a copy, for which all gradients would have to be there at once.
    alone = axis_name is None or lax.axis_size(axis_name) == 1

    def mean(tree: Any) -> Any:
        return tree if alone else lax.pmean(tree, axis_name)

    objective = model.config.objective
    drawn = keys(model.config.seed, state.step, axis_name)
    condition, truth = cast(Any, model.config.task).example(batch)
    fake, generator_vjp, averages = jax.vjp(
        partial(_generate, model, state, condition, truth, drawn), state.generator.params, has_aux=True
    )
    (loss, metrics), gradient = jax.value_and_grad(partial(_reconstruction_loss, model, truth), has_aux=True)(fake)
    discriminator, d_gradient = state.discriminator, None
    if discriminator is not None:
        # One forward pass serves the discriminator's gradient, by its params, and the generator's, by what it sees.
        discriminate = partial(_discriminate, model, condition)
        (logits, features), discriminator_vjp = jax.vjp(discriminate, discriminator.params, fake)
        d_fake, cotangent = jax.value_and_grad(losses.fake_loss)(logits, objective.gan)
        cotangents = optax.tree.scale(objective.discriminator_factor, cotangent), optax.tree.zeros_like(features)
        real_loss = partial(_real_loss, model, condition, truth, fake, drawn.penalty)
        (real_part, (d_terms, true)), d_gradient = jax.value_and_grad(real_loss, has_aux=True)(discriminator.params)
        d_gradient = optax.tree.add(d_gradient, discriminator_vjp(cotangents)[0])
        if objective.discriminator_first:
            discriminator = _update(model.discriminator_optimizer, discriminator, mean(d_gradient))
            d_gradient = None
            (logits, features), discriminator_vjp = jax.vjp(discriminate, discriminator.params, fake)
        adversarial_loss = partial(_adversarial_loss, objective, true)
        (g_adversarial, g_terms), cotangents = jax.value_and_grad(adversarial_loss, has_aux=True)((logits, features))
        gradient = optax.tree.add(gradient, discriminator_vjp(cotangents)[1])
        metrics |= {"g_loss": loss + g_adversarial, **g_terms}
        d_loss = objective.discriminator_factor * d_fake + real_part
        metrics |= {"d_loss": d_loss, "d_fake": d_fake, **d_terms}
    gradient, d_gradient, averages, metrics = mean((generator_vjp(gradient)[0], d_gradient, averages, metrics))
    if discriminator is not None and d_gradient is not None:
        discriminator = _update(model.discriminator_optimizer, discriminator, d_gradient)
    generator = _update(model.generator_optimizer, state.generator, gradient)
    ema = _moved_average(model.config, state, Weights(generator.params, averages))
    return TrainState(state.step + 1, generator, averages, discriminator, ema), metrics


def _generate(
    model: Model, state: TrainState, condition: jax.Array, truth: Any, drawn: Keys, params: Params
) -> tuple[Any, Params]:
    """The image that the generator with these params generates, and its running averages, moved."""
    share, task = model.config.data.aged, cast(Any, model.config.task)
    seen = aged(condition, drawn.aging, share) if share else condition
    if isinstance(task, ColorizationTask):
        seen = task.with_points(seen, truth, drawn.points)
    output, moved = model.generator.apply(
        {"params": params, "batch_stats": state.averages},
        seen,
        train=True,
        mutable=["batch_stats"],
        rngs={"dropout": drawn.dropout},
    )
    return task.image(condition, output), moved.get("batch_stats", {})


def _reconstruction_loss(model: Model, truth: Any, fake: Any) -> tuple[jax.Array, Metrics]:
    """The terms of the generator's loss that need the truth: their weighted sum, and each."""
    terms = cast(Any, model.config.task).reconstruction_terms(fake, truth)
    loss = sum((weight * term for weight, term in terms.values()), start=jnp.zeros(()))
    return loss, {"g_loss": loss} | {name: term for name, (_, term) in terms.items()}


def _discriminate(model: Model, condition: jax.Array, params: Params, image: Any) -> tuple[losses.PatchLogits, Any]:
    """The discriminator's logits of an image, and its frozen features, where it has any."""
    seen = model.discriminator_input(image, condition)
    logits, features = model.discriminator.apply({"params": params}, seen, mutable=["features"])
    return cast(losses.PatchLogits, logits), features


def _adversarial_loss(
    objective: losses.ObjectiveConfig, true_features: Any, discriminated: tuple[losses.PatchLogits, Any]
) -> tuple[jax.Array, Metrics]:
    """The terms of the generator's loss that the discriminator gives: their weighted sum, and each."""
    logits, features = discriminated
    loss = losses.fooling_loss(logits, objective.gan)
    terms = {"g_bce" if objective.gan == "vanilla" else "g_gan": loss}
    if objective.feature_matching:
        terms["g_features"] = losses.l1_of_features(features, true_features)
        loss += objective.feature_matching * terms["g_features"]
    return loss, terms


def _real_loss(
    model: Model, condition: jax.Array, truth: Any, fake: Any, key: jax.Array, params: Params
) -> tuple[jax.Array, tuple[Metrics, Any]]:
    """The rest of the discriminator's loss, weighted; its unweighted terms, and the true image's features."""
    objective = model.config.objective
    logits, features = _discriminate(model, condition, params, truth)
    loss = losses.real_loss(logits, objective.gan, objective.real_label)
    terms = {"d_real": loss}
    if objective.gan == "wgan-gp":
        real_input, fake_input = (model.discriminator_input(image, condition) for image in (truth, fake))
        share = jax.random.uniform(key, real_input.shape[:1])
        discriminate = partial(model.discriminator.apply, {"params": params})
        terms["d_penalty"] = losses.gradient_penalty(cast(Any, discriminate), real_input, fake_input, share)
        loss += objective.gradient_penalty * terms["d_penalty"]
    return objective.discriminator_factor * loss, (terms, features)


def _moved_average(config: Config, state: TrainState, weights: Weights) -> Weights | None:
    """The moving average after a step that ends with these weights."""
    if state.ema is None:
        return None
    # At first an average over what few steps there are, lest it remember random weights that it began with.
    ramp = 1.0 if config.warm_start else (state.step + 1) / (state.step + 10)
    share = 1.0 - jnp.minimum(config.ema_decay, ramp)
    return cast(Weights, optax.incremental_update(cast(Any, weights), cast(Any, state.ema), share))


def _update(optimizer: optax.GradientTransformation, network: Network, gradient: Params) -> Network:
    # Or a GPU computes what becomes of kernels in the order of cuDNN's gradients, and reorders that thrice.
    gradient = jax.tree.map(lambda x: with_layout_constraint(x, Layout(tuple(range(x.ndim)))), gradient)
    updates, opt_state = optimizer.update(gradient, network.opt_state, network.params)
    return Network(optax.apply_updates(network.params, updates), opt_state)
