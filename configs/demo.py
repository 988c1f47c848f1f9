"""The first run: colours a few photographs that scikit-image carries, within minutes on a laptop's CPU."""

from pix2pix_jax.config import Config, default_config


def get_config() -> Config:
    """As `ycrcb_rgb`, on the bundled photographs, with batches and intervals that suit a short run."""
    config = default_config()
    config.name = "demo"
    config.batch_size = 16
    config.num_steps = 300
    config.data.source = "bundled"
    config.log_every_steps = 10
    config.eval_every_steps = 100
    config.sample_every_steps = 100
    config.checkpoint_every_steps = 100
    return config
