"""The kernels of a compiled program, and the bytes that each moves, from XLA's text of it."""

import math
import re
from dataclasses import dataclass

_BYTES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "bf16": 2, "f16": 2}
_BYTES |= {"s32": 4, "u32": 4, "f32": 4, "s64": 8, "u64": 8, "f64": 8}

# What moves nothing; the second half of an asynchronous operation is counted with its first.
_FREE = ("parameter", "constant", "tuple", "get-tuple-element", "bitcast")

_NETWORKS: dict[str, str] = {
    **dict.fromkeys(("ReferenceGenerator", "UNet", "ResNet"), "G"),
    **dict.fromkeys(("ReferenceDiscriminator", "PatchGAN", "PixelGAN"), "D"),
}
_LAYER = re.compile(r"(enc|dec|conv|norm|head|down|up|block|first|last)[\d_]*(norm)?")
_INSTRUCTION = re.compile(r"\s*(?:ROOT )?%([\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*?)\)(?:,|$)")


@dataclass(frozen=True)
class Kernel:
    """One kernel, or one collective.

    Attributes:
        operation: XLA's, such as `fusion`.
        layer: the layer and the part of it that it comes from; empty where XLA does not say.
        backward: whether it belongs to a backward pass.
        bytes: read and written: its operands, each once, and its results.
    """

    operation: str
    layer: str
    backward: bool
    bytes: int


def read_kernels(program: str) -> list[Kernel]:
    """Reads the kernels of a program's main computation.

    A fusion that reads only a part of an operand, or updates one in place, counts the whole of it.

    Args:
        program: XLA's text of a compiled program.

    Returns:
        The kernels, in the order in which they are scheduled.
    """
    sizes: dict[str, int] = {}
    kernels = []
    for line in program[program.index("\nENTRY") :].splitlines()[2:]:
        if (match := _INSTRUCTION.match(line)) is None:
            continue
        name, result, operation, operands = match.groups()
        sizes[name] = sum(_sizes(result))
        if operation in _FREE or operation.endswith("-done"):
            continue
        moved = sizes[name] + sum(sizes.get(operand, 0) for operand in re.findall(r"%([\w.\-]+)", operands))
        if operation in ("copy-start", "slice-start"):  # gives what it made, what that is of, and a handle
            moved = 2 * min(_sizes(result)[:-1])
        origin = re.search(r'op_name="([^"]*)"', line)
        path = origin[1] if origin else ""
        kernels.append(Kernel(operation, _layer(path), "transpose(" in path, moved))
    return kernels


def _sizes(shapes: str) -> list[int]:
    """Bytes of a shape such as `bf16[2,3]{1,0}`, or of each in a tuple of them."""
    return [
        _BYTES[dtype] * math.prod(int(side) for side in sides.split(",") if side)
        for dtype, sides in re.findall(r"\b([a-z]+\d*)\[([\d,]*)\]", shapes)
        if dtype in _BYTES
    ]


def _layer(path: str) -> str:
    """`dec3/conv` from `jit(_fun)/transpose(jvp(ReferenceGenerator))/dec3/conv/cond/…`."""
    parts = re.sub(r"(?:jit|pjit|jvp|transpose|vmap)\(|\)", "", path).split("/")
    for place, part in enumerate(parts):
        if network := _NETWORKS.get(part):
            inside = [name for name in parts[place + 1 : -1] if _LAYER.fullmatch(name)]
            return "/".join([network, *inside[:2]])
    return ""
