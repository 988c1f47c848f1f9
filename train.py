"""Trains a colouring GAN: `python train.py [--config configs/NAME.py] [--workdir DIR] [--config.key=value …]`."""

from pathlib import Path

from absl import flags
from ml_collections import config_flags

from pix2pix_jax import cli
from pix2pix_jax.errors import UserError
from pix2pix_jax.train import train

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment; configs/demo.py where not given.")
_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder; runs/NAME where not given.")


def main(arguments: list[str]) -> None:
    """Trains the experiment that the flags describe."""
    if arguments[1:]:
        raise UserError(f"{arguments[1]} is not a flag: values are given as --config.key=value")
    config = _CONFIG.value
    cli.use_compilation_cache()
    cli.keep_freed_memory()
    train(config, Path(_WORKDIR.value or Path("runs") / config.name))


if __name__ == "__main__":
    cli.run(main, default_config=Path(__file__).parent / "configs" / "demo.py")
