"""What is said of a compiled program."""

from typing import Any

from benchmarks.compiled.kernels import by_layer, read_kernels
from benchmarks.compiled.programs import Program
from benchmarks.compiled.targets import Target
from benchmarks.timing import floors
from pix2pix_jax.config import Config

COSTLIEST = 20


def describe(program: Program, config: Config, target: Target, devices: int, *, colouring: bool) -> dict[str, Any]:
    """The figures of a program, as they go into the JSON; bytes, FLOPs and times are those of one device."""
    kernels = read_kernels(program.text)
    images = config.batch_size if colouring else config.batch_size // devices
    counted = sum(kernel.bytes for kernel in kernels)
    moved = program.bytes_accessed or counted
    all_reduces = [kernel for kernel in kernels if kernel.is_all_reduce]
    flops = _flops(config, images, colouring=colouring)
    seconds = {"bytes": moved / target.bandwidth, "flops": flops / target.flop_rates[config.dtype]}
    costliest = sorted(kernels, key=lambda kernel: -kernel.bytes)[:COSTLIEST]
    return {
        "target": target.name,
        "program": "colouring" if colouring else "step",
        "experiment": config.name,
        "dtype": config.dtype,
        "devices": 1 if colouring else devices,
        "images_per_device": images,
        "image_size": config.image_size,
        "bytes_per_image": moved / images,
        "flops_per_image": flops / images,
        "counted_by": "the compiler" if program.bytes_accessed else "operands and results of kernels",
        "kernels": len(kernels),
        "all_reduces": len(all_reduces),
        # An all-reduce is counted with its operands and its results, which are as large.
        "all_reduce_bytes": sum(kernel.bytes for kernel in all_reduces) // 2,
        "temp_bytes": program.temp_bytes,
        "compile_seconds": program.compile_seconds,
        "least_seconds": seconds,
        "images_per_second_at_most": images * (1 if colouring else devices) / max(seconds.values()),
        "layers": {layer: size / images for layer, size in by_layer(kernels).items()},
        "costliest": [
            {
                "layer": kernel.layer,
                "pass": "backward" if kernel.backward else "forward",
                "operation": kernel.operation,
                "bytes_per_image": kernel.bytes / images,
            }
            for kernel in costliest
        ],
    }


def as_text(found: dict[str, Any]) -> str:
    """The figures for a reader."""
    seconds = found["least_seconds"]
    bound = "bytes" if seconds["bytes"] > seconds["flops"] else "FLOPs"
    lines = [
        f"{found['target']} × {found['devices']}: {found['program']} of {found['experiment']}, {found['dtype']},"
        f" {found['images_per_device']} images of {found['image_size']}×{found['image_size']} a device",
        f"  memory traffic     {found['bytes_per_image'] / 1e6:.1f} MB an image, {found['kernels']} kernels",
        f"  arithmetic         {found['flops_per_image'] / 1e9:.2f} GFLOP an image, at the least",
        f"  all-reduces        {found['all_reduces']}, of {found['all_reduce_bytes'] / 1e6:.2f} MB in all",
        f"  temporary memory   {found['temp_bytes'] / 1e9:.2f} GB",
        f"  compiled in        {found['compile_seconds']:.0f} s",
        f"  no faster than     {1e3 * max(seconds.values()):.2f} ms, bound by {bound}"
        f" ({1e3 * seconds['bytes']:.2f} ms by bytes, {1e3 * seconds['flops']:.2f} ms by FLOPs):"
        f" {found['images_per_second_at_most']:,.0f} images/s",
        "",
        f"The {len(found['costliest'])} costliest kernels:",
        "| MB an image | layer | pass | operation |",
        "| --- | --- | --- | --- |",
    ]
    for kernel in found["costliest"]:
        layer = kernel["layer"] or "(no layer)"
        lines.append(f"| {kernel['bytes_per_image'] / 1e6:.2f} | {layer} | {kernel['pass']} | {kernel['operation']} |")
    return "\n".join(lines)


def _flops(config: Config, images: int, *, colouring: bool) -> float:
    """What the networks need at the least, see `timing.floors`."""
    task = config.task
    itemsize = 2 if config.dtype == "bfloat16" else 4
    channels = task.discriminator_channels if task.adversarial else 0
    both = floors.networks(config.name, task.generator_channels, channels, config.image_size)
    if colouring:
        return floors.inference(both[0], images, itemsize).flops
    return floors.training_step(*both, images, itemsize).flops
