"""The configuration of a run: its keys, the named experiments, and what is checked before a start."""

from pix2pix_jax.config.checks import check_fits, check_values, validate
from pix2pix_jax.config.experiments import EXPERIMENTS, PRESETS
from pix2pix_jax.config.keys import (
    AdamConfig,
    Config,
    DataConfig,
    all_keys,
    default_config,
    experiment_config,
    leaves,
    stored,
    updated,
)
from pix2pix_jax.config.unread import unread_keys

__all__ = [
    "EXPERIMENTS",
    "PRESETS",
    "AdamConfig",
    "Config",
    "DataConfig",
    "all_keys",
    "check_fits",
    "check_values",
    "default_config",
    "experiment_config",
    "leaves",
    "stored",
    "unread_keys",
    "updated",
    "validate",
]
