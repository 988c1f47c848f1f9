"""The five experiments, each a small difference from the default config."""

from pix2pix_jax.config import Config, default_config
from pix2pix_jax.errors import UserError, nearest

_MAKES_RGB = {"task.generator_makes": "rgb", "task.l1_rgb": 100.0, "task.l1_chroma": 0.0}

EXPERIMENTS: dict[str, dict[str, object]] = {
    # Chroma made, RGB judged: the best of the reference's experiments, and the default config.
    "ycrcb_rgb": {},
    # Chroma made, YCrCb judged: the reference reports a red and blue haze.
    "ycrcb_ycrcb": {"task.discriminator_sees": "ycrcb"},
    # RGB made, RGB and the grey input judged: the conditioning of the pix2pix paper.
    "rgb_rgb_gray": _MAKES_RGB | {"task.discriminator_sees_gray": True},
    # RGB made, RGB judged.
    "rgb_rgb": _MAKES_RGB,
    # Chroma made by a U-Net alone, without a discriminator: what the others are compared with.
    "ycrcb_l1": {"task.discriminator_sees": "none"},
}
"""What each experiment changes in `default_config`, by dotted key."""


def experiment_config(name: str) -> Config:
    """The config of one of the five experiments.

    Args:
        name: one of `EXPERIMENTS`.

    Returns:
        A config of its own, see `default_config`.

    Raises:
        UserError: if there is no experiment of that name; names the nearest.
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"there is no experiment {name}: did you mean {nearest(name, EXPERIMENTS)}? (known: {', '.join(EXPERIMENTS)})"
        )
    config = default_config()
    config.name = name
    config.update_from_flattened_dict(EXPERIMENTS[name])
    return config
