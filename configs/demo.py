"""The first run: colours a few photographs that scikit-image carries, within minutes on a laptop's CPU."""

from pix2pix_jax.config import Config, default_config


def get_config() -> Config:
    """As `ycrcb_rgb`, on the bundled photographs, with sizes and intervals that suit a short run."""
    config = default_config()
    config.name = "demo"
    config.image_size = 64
    config.batch_size = 16
    config.num_steps = 600
    config.adam.linear_decay = True
    config.data.source = "bundled"
    config.data.resize = 75
    config.log_every_steps = 20
    config.eval_every_steps = 100
    config.sample_every_steps = 200
    config.checkpoint_every_steps = 200
    return config
