"""PyTorch's names for the layers of the paper's networks; written apart from the package's own conversion."""

from benchmarks.parity.paper_cases import NetworkCase
from benchmarks.parity.paper_recipe import Values

_LEAVES = {
    "kernel": "weight",
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "var": "running_var",
}


def torch_layers(case: NetworkCase) -> dict[str, str]:
    """PyTorch's prefix of every layer by Flax's name, norms included whether or not they have arrays."""
    if case.kind == "unet":
        return _unet_layers(case.size)
    if case.kind == "resnet":
        return _resnet_layers(case.size)
    if case.kind == "pixel":
        return {"conv1": "net.0", "conv2": "net.2", "conv2_norm": "net.3", "head": "net.5"}
    layers = {"conv1": "model.0", "head": f"model.{3 * case.size + 2}"}
    for number in range(1, case.size + 1):
        layers[f"conv{number + 1}"] = f"model.{3 * number - 1}"
        layers[f"conv{number + 1}_norm"] = f"model.{3 * number}"
    return layers


def to_flax(tensors: Values, case: NetworkCase) -> Values:
    """Arrays by PyTorch's names (any of a network's) as Flax has them; counters of batches are left out."""
    flax_layers = {prefix: layer for layer, prefix in torch_layers(case).items()}
    values = {}
    for name, tensor in tensors.items():
        prefix, leaf = name.rsplit(".", 1)
        if leaf == "num_batches_tracked":
            continue
        layer = flax_layers[prefix]
        if leaf == "weight":
            leaf = "kernel" if tensor.ndim == 4 else "scale"
        leaf = leaf.removeprefix("running_")
        values[f"{layer}/{leaf}"] = tensor.transpose(2, 3, 1, 0) if leaf == "kernel" else tensor
    return values


def to_torch(values: Values, case: NetworkCase) -> Values:
    """The way back."""
    layers = torch_layers(case)
    tensors = {}
    for name, array in values.items():
        layer, leaf = name.split("/")
        if leaf == "kernel":
            array = array.transpose(3, 2, 0, 1)
        tensors[f"{layers[layer]}.{_LEAVES[leaf]}"] = array
    return tensors


def _unet_layers(halvings: int) -> dict[str, str]:
    layers = {"down1": "model.model.0", "up1": "model.model.3"}
    for level in range(2, halvings + 1):
        prefix = "model.model.1.model." + (level - 2) * "3.model."
        innermost = level == halvings
        layers[f"down{level}"] = f"{prefix}1"
        if not innermost:
            layers[f"down{level}_norm"] = f"{prefix}2"
        layers[f"up{level}"] = f"{prefix}{3 if innermost else 5}"
        layers[f"up{level}_norm"] = f"{prefix}{4 if innermost else 6}"
    return layers


def _resnet_layers(blocks: int) -> dict[str, str]:
    layers = {"first": "model.1", "down1": "model.4", "down2": "model.7"}
    for block in range(1, blocks + 1):
        layers[f"block{block}_1"] = f"model.{9 + block}.conv_block.1"
        layers[f"block{block}_2"] = f"model.{9 + block}.conv_block.5"
    layers |= {"up2": f"model.{10 + blocks}", "up1": f"model.{13 + blocks}"}
    norms = {}
    for layer, prefix in layers.items():
        before, number = prefix.rsplit(".", 1)
        norms[f"{layer}_norm"] = f"{before}.{int(number) + 1}"
    return layers | norms | {"last": f"model.{17 + blocks}"}
