"""What is said of a compiled program."""

from typing import Any

from benchmarks.compiled.kernels import read_kernels
from benchmarks.compiled.targets import Target
from pix2pix_jax.config import Config

COSTLIEST = 20


def describe(compiled: Any, config: Config, target: Target, devices: int) -> dict[str, Any]:
    """The figures of a compiled program, as they go into the JSON; bytes and times are those of one device."""
    kernels = read_kernels(compiled.as_text())
    by_compiler = (compiled.cost_analysis() or {}).get("bytes accessed")  # not on a GPU
    images = config.batch_size // devices
    counted = sum(kernel.bytes for kernel in kernels)
    moved = by_compiler or counted
    all_reduces = [kernel for kernel in kernels if kernel.operation.startswith("all-reduce")]
    seconds = moved / target.bandwidth
    costliest = sorted(kernels, key=lambda kernel: -kernel.bytes)[:COSTLIEST]
    return {
        "target": target.name,
        "experiment": config.name,
        "dtype": config.dtype,
        "devices": devices,
        "images_per_device": images,
        "image_size": config.image_size,
        "bytes_per_image": moved / images,
        "counted_by": "the compiler" if by_compiler else "operands and results of kernels",
        "kernels": len(kernels),
        "all_reduces": len(all_reduces),
        # An all-reduce is counted with its operands and its results, which are as large.
        "all_reduce_bytes": sum(kernel.bytes for kernel in all_reduces) // 2,
        "temp_bytes": compiled.memory_analysis().temp_size_in_bytes,
        "least_seconds": seconds,
        "images_per_second_at_most": images * devices / seconds,
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
    lines = [
        f"{found['target']} × {found['devices']}: step of {found['experiment']}, {found['dtype']},"
        f" {found['images_per_device']} images of {found['image_size']}×{found['image_size']} a device",
        f"  memory traffic     {found['bytes_per_image'] / 1e6:.1f} MB an image, {found['kernels']} kernels",
        f"  all-reduces        {found['all_reduces']}, of {found['all_reduce_bytes'] / 1e6:.2f} MB in all",
        f"  temporary memory   {found['temp_bytes'] / 1e9:.2f} GB",
        f"  no faster than     {1e3 * found['least_seconds']:.2f} ms, the time for that traffic:"
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
