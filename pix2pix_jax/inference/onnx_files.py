"""A trained generator as ONNX, for programs without JAX: onnxruntime, and browsers with onnxruntime-web.

A file is for one image of one size. Whoever colours with it brings the photograph to that size, and joins the
chroma with the photograph's own luma. Names, shapes and ranges are in the file's metadata, and here:

- `luma`, [1, height, width]: BT.601 luma of a photograph, 0 to 1.
- `points`, [1, height, width, 3], of a generator that takes them: as `points.point_map` draws them, zeros for none.
- `chroma`, [1, height, width, 2]: Cr and Cb, -0.5 to 0.5 times the generator's saturation.
- `image` and `translation`, [1, height, width, channels]: what a generator of pairs is given and makes, 0 to 1.

All are float32.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from pix2pix_jax import color, ops
from pix2pix_jax.config import updated
from pix2pix_jax.errors import UserError
from pix2pix_jax.inference import generate
from pix2pix_jax.inference.generator import TrainedGenerator
from pix2pix_jax.networks.efficientnet import Encoder, Guide
from pix2pix_jax.tasks import TranslationTask

if TYPE_CHECKING:
    from onnx import ModelProto

SUFFIX = ".onnx"
_OPSET = 18  # of 2022: what runtimes of today have
_LARGE = 64  # numbers from which a constant is kept as narrow as it can be
_MEANINGS = {
    "luma": "BT.601 luma of an sRGB photograph, 0.299 R + 0.587 G + 0.114 B, from 0 to 1",
    "points": "points of colour: 1 where one is and 0 elsewhere; there 2 Cr and 2 Cb, from -1 to 1; zeros for none",
    "chroma": "Cr and Cb, from -0.5 to 0.5 times the saturation: R = luma + 1.402 Cr, B = luma + 1.772 Cb,"
    " G = (luma - 0.299 R - 0.114 B) / 0.587; not all of it within the gamut",
    "image": "what is translated, from 0 to 1",
    "translation": "what is made of it, from 0 to 1",
    "made": "what the guide begins from, as the generator makes it without points",
}


def export_onnx(trained: TrainedGenerator, size: tuple[int, int] | None = None) -> "ModelProto":
    """Converts a generator for one size.

    Where its `test_time` keeps dropout, that is drawn here, once, from the seed 0: as `TrainedGenerator.apply` draws.

    Args:
        trained: the generator.
        size: height and width of what it sees, px; None for a square of the scale at which it colours, or of pairs of
            the size that it was trained at.

    Returns:
        The model, float16 where that holds its weights exactly. It equals JAX within 1e-5.

    Raises:
        UserError: if the network does not take that size, or jax2onnx is not installed.
    """
    make, given = _program(trained, size)
    made = "translation" if "image" in given else "chroma"
    return _converted(trained, _traced(make, given.values()), [*given], [made])


def export_onnx_split(
    trained: TrainedGenerator, size: tuple[int, int] | None = None
) -> "tuple[ModelProto, ModelProto]":
    """Converts a generator that takes points as two models, of which only the second need run again for other points.

    Args:
        trained: the generator.
        size: as for `export_onnx`.

    Returns:
        The first takes `luma`, and gives `chroma` as it is without points, then what the second goes on from: `made`
        and the encoder's features, `features2` to `features32`. The second takes those, `luma` and `points`, and gives
        the `chroma` that `export_onnx`'s model gives.

    Raises:
        UserError: as `export_onnx`, or if the generator takes no points.
    """
    if not trained.takes_points:
        raise UserError("only a generator that takes points of colour can be split")
    make, given = _program(trained, size)
    luma, points = given.values()
    names = [*(f"features{stride}" for stride in (2, 4, 8, 16, 32)), "made"]

    def begin(luma: jax.Array) -> tuple[jax.Array, ...]:
        kept: list[jax.Array] = []

        def stop(call: Callable[..., Any], arguments: Any, options: Any, context: nn.module.InterceptorContext) -> Any:
            if not isinstance(context.module, Guide):
                return call(*arguments, **options)
            kept.extend([*arguments[0], arguments[1]])
            return arguments[1]

        with nn.intercept_methods(stop):
            return make(luma, jnp.zeros(points.shape)), *kept

    def go_on(luma: jax.Array, points: jax.Array, *kept: jax.Array) -> jax.Array:
        *features, made = kept

        def resume(
            call: Callable[..., Any], arguments: Any, options: Any, context: nn.module.InterceptorContext
        ) -> Any:
            if isinstance(context.module, Encoder):
                return features
            if isinstance(context.module, Guide):
                return call(features, made, arguments[2], **options)
            return call(*arguments, **options)

        with nn.intercept_methods(resume):
            return make(luma, points)

    first = _traced(begin, [luma])
    second = _traced(go_on, [luma, points, *first.out_avals[1:]])
    return (
        _converted(trained, first, ["luma"], ["chroma", *names]),
        _converted(trained, second, ["luma", "points", *names], ["chroma"]),
    )


def _program(
    trained: TrainedGenerator, size: tuple[int, int] | None
) -> tuple[Callable[..., jax.Array], dict[str, jax.ShapeDtypeStruct]]:
    """The generator as a function, and what it is given by name."""
    config, weights, key = trained.config, trained.weights, jax.random.key(0)
    translates = isinstance(config.task, TranslationTask)
    side = config.image_size if translates else config.coloring_side or config.data.resize
    multiple, least = trained.network.size_multiple, trained.network.smallest_size
    height, width = size or [trained.side_taken(side // multiple * multiple)] * 2
    if any(length % multiple or length < least for length in (height, width)):
        raise UserError(
            f"this generator takes height and width divisible by {multiple}, at least {least}, got {height}×{width}"
        )
    config = updated(config, {"coloring_side": 0, "data.resize": 0})

    def colorize(luma: jax.Array, *points: jax.Array) -> jax.Array:
        return generate.color_luma(config, weights, color.from_pixels(luma)[..., None], key, *points).chroma / 2.0

    def translate(image: jax.Array) -> jax.Array:
        return (generate.make(config, weights, color.from_pixels(image), key) + 1.0) / 2.0

    if translates:
        return translate, {"image": _array(1, height, width, config.task.condition_channels)}
    points = {"points": _array(1, height, width, 3)} if trained.takes_points else {}
    return colorize, {"luma": _array(1, height, width), **points}


def _array(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _traced(function: Callable[..., Any], given: Iterable[Any]) -> ClosedJaxpr:
    with ops.plainly(), nn.intercept_methods(_draw_once):
        return jax.make_jaxpr(function)(*given)


def _converted(trained: TrainedGenerator, program: ClosedJaxpr, given: list[str], made: list[str]) -> "ModelProto":
    """A program as ONNX, its inputs and outputs named."""
    try:
        import jax2onnx
        import onnx
    except ImportError as error:
        raise UserError(
            "writing ONNX needs jax2onnx, which is not installed: pip install 'pix2pix-jax[onnx]'"
        ) from error
    # From a program that is traced, for while jax2onnx traces, it has functions of its own in place of JAX's, of which
    # some do less.
    model = jax2onnx.to_onnx(
        jaxpr_as_fun(program),
        program.in_avals,
        model_name=trained.config.name,
        opset=_OPSET,
        input_names=given,
        output_names=made,
    )
    _narrow(model)
    values = [*model.graph.input, *model.graph.output]
    meanings = {value.name: _MEANINGS.get(value.name, "the encoder's, at that stride") for value in values}
    onnx.helper.set_model_props(model, meanings)
    return model


def _draw_once(call: Callable[..., Any], arguments: Any, options: Any, context: nn.module.InterceptorContext) -> Any:
    """Has dropout multiply by a constant, since ONNX has no random numbers like JAX's."""
    if not isinstance(context.module, nn.Dropout) or context.module.deterministic:
        return call(*arguments, **options)
    (x,) = arguments
    with jax.ensure_compile_time_eval():
        factors = call(jnp.ones(x.shape, x.dtype))
    return x * factors


def _narrow(model: "ModelProto") -> None:
    """Keeps constants as one number where all are the same, or as float16 where that holds them exactly."""
    from onnx import TensorProto, helper, numpy_helper

    graph, widened = model.graph, []
    used = {name for node in graph.node for name in node.input}
    for tensor in list(graph.initializer):
        array, name = numpy_helper.to_array(tensor), tensor.name
        if name not in used:
            graph.initializer.remove(tensor)
        elif array.dtype == np.float32 and array.size >= _LARGE:
            with np.errstate(over="ignore"):
                narrow = array.astype(np.float16)
            if (array == array.flat[0]).all():
                tensor.CopyFrom(numpy_helper.from_array(np.array(array.shape), f"{name}_shape"))
                value = numpy_helper.from_array(array.flat[:1])
                widened.append(helper.make_node("ConstantOfShape", [tensor.name], [name], value=value))
            elif (narrow == array).all():
                tensor.CopyFrom(numpy_helper.from_array(narrow, f"{name}_float16"))
                widened.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*widened, *graph.node]
    del graph.node[:], graph.value_info[:]  # the latter follows from the rest
    graph.node.extend(nodes)
