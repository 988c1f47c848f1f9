"""A trained generator as ONNX, for programs without JAX: onnxruntime, and browsers with onnxruntime-web.

A file is for one image of one size. Whoever colours with it brings a photograph's luma to that size, and joins the
chroma with the luma as it was. The file's metadata say what each input and output is; all are float32. `saturation`
there is the factor that chroma has been multiplied by: for another strength, multiply by that over it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun

from pix2pix_jax import color, ops
from pix2pix_jax.config import updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import generate
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.networks.efficientnet import Encoder, Guide

if TYPE_CHECKING:
    from onnx import ModelProto

_KEPT = [*(f"features{stride}" for stride in (2, 4, 8, 16, 32)), "made"]
_MEANINGS = {
    "luma": "BT.601 luma of an sRGB photograph, 0.299 R + 0.587 G + 0.114 B, from 0 to 1",
    "points": "points of colour: 1 where one is and 0 elsewhere; there 2 Cr and 2 Cb, from -1 to 1; zeros for none",
    "chroma": "Cr and Cb, -0.5 to 0.5 times the saturation: R = luma + 1.402 Cr, B = luma + 1.772 Cb; out of gamut too",
    "image": "what is translated, from 0 to 1",
    "translation": "the output, from 0 to 1",
    **dict.fromkeys(_KEPT, "for the guide: the encoder's features by their stride, and the output without points"),
}


@ops.for_platform("any")
def export_onnx(
    trained: TrainedGenerator, size: Sequence[int] | None = None, *, split: bool = False
) -> "list[ModelProto]":
    """Converts a generator for one size; what it makes equals JAX's within 1e-5.

    Args:
        trained: the generator; dropout that its `test_time` keeps is drawn once, as `TrainedGenerator.apply` draws.
        size: height and width, px; None for a square of the scale that it colours at, or of pairs was trained at.
        split: whether to cut it where points of colour come in.

    Returns:
        One model, from `luma`, and `points` where the generator takes them, to `chroma`; of pairs from `image` to
        `translation`. Or two: the first from `luma` to the `chroma` without points, `features2` to `features32` and
        `made`; the second from `luma`, `points` and the latter six to `chroma`.

    Raises:
        UserError: if the network does not take that size, there are no points to split at, or jax2onnx is missing.
    """
    config, key, multiple = trained.config, jax.random.key(0), trained.network.size_multiple
    translates = trained.translates
    side = config.image_size if translates else config.coloring_side or config.data.resize
    height, width = size or [max(side // multiple, 1) * multiple] * 2
    if any(trained.side_taken(length) != length for length in (height, width)):
        raise UserError(f"the generator needs height and width divisible by {multiple}, got {height}×{width}")
    if split and not trained.takes_points:
        raise UserError("the generator takes no points of colour, so there is nothing to split")
    as_given = updated(config, {"coloring_side": 0, "data.resize": 0})

    def make(given: jax.Array, points: jax.Array | None = None, kept: Any = None) -> jax.Array:
        image = color.from_pixels(given)
        with nn.intercept_methods(partial(_adapted, kept)):
            if translates:
                return (generate.make(as_given, trained.weights, image, key) + 1.0) / 2.0
            return generate.color_luma(as_given, trained.weights, image[..., None], key, points).chroma / 2.0

    def begin(luma: jax.Array) -> tuple[jax.Array, ...]:
        return make(luma, points, kept := []), *kept

    def go_on(luma: jax.Array, points: jax.Array, *kept: jax.Array) -> jax.Array:
        return make(luma, points, kept)

    luma, points = jnp.zeros((1, height, width)), jnp.zeros((1, height, width, 3))
    given = {"luma": luma, "points": points} if trained.takes_points else {"luma": luma}
    if translates:
        given = {"image": jnp.zeros((1, height, width, config.task.condition_channels))}
    told = {} if translates else {"saturation": f"{config.saturation:g}"}
    if not split:
        return [_as_onnx(make, given, ["translation" if translates else "chroma"], told)]
    kept = dict(zip(_KEPT, jax.eval_shape(begin, luma)[1:], strict=True))
    first = _as_onnx(begin, {"luma": luma}, ["chroma", *kept], told)
    return [first, _as_onnx(go_on, {"luma": luma, "points": points, **kept}, ["chroma"], told)]


def _adapted(kept: Any, call: Callable[..., Any], arguments: Any, options: Any, context: Any) -> Any:
    """Stands between Flax and the modules it calls: draws dropout while it is traced, since ONNX cannot.

    With an empty list as `kept`, the guide is left out, and what it would have been given is put into the list. With a
    full one, the encoder is left out, and the guide is given what is in the list.
    """
    match context.module:
        case nn.Dropout(deterministic=False):
            with jax.ensure_compile_time_eval():
                factors = call(jnp.ones(arguments[0].shape))
            return arguments[0] * factors
        case Encoder() if kept:
            return kept[:-1]
        case Guide() if kept:
            return call(kept[:-1], kept[-1], arguments[2], **options)
        case Guide() if kept is not None:
            kept += [*arguments[0], arguments[1]]
            return arguments[1]
    return call(*arguments, **options)


def _as_onnx(
    function: Callable[..., Any], given: Mapping[str, Any], made: list[str], told: Mapping[str, str]
) -> "ModelProto":
    """A function as ONNX: inputs and outputs named, more told in its metadata, constants narrow where they fit."""
    try:
        import jax2onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError as error:
        raise UserError("an .onnx file needs jax2onnx, which is missing: pip install 'pix2pix-jax[onnx]'") from error
    # Traced here, since jax2onnx traces with functions of its own in place of JAX's, of which some do less.
    program = jax.make_jaxpr(function)(*given.values())
    named: dict[str, Any] = {"input_names": list(given), "output_names": made}
    model = jax2onnx.to_onnx(jaxpr_as_fun(program), program.in_avals, opset=18, **named)  # of 2022
    helper.set_model_props(model, {**{name: _MEANINGS[name] for name in (*given, *made)}, **told})
    del model.graph.value_info[:]  # which follow from the rest
    for tensor in model.graph.initializer:
        array, name = numpy_helper.to_array(tensor), tensor.name
        narrow = array.clip(-6e4, 6e4).astype(np.float16)
        if array.dtype == np.float32 and array.size >= 64 and (array == narrow).all():
            tensor.CopyFrom(numpy_helper.from_array(narrow, f"{name}_float16"))
            model.graph.node.insert(0, helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    return model
