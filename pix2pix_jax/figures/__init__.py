"""PNG figures and pages: a run's curves and samples, ranked and sorted images, experiments side by side."""

from pix2pix_jax.figures.comparison import Run, write_comparison
from pix2pix_jax.figures.curves import draw_curves, save_figure
from pix2pix_jax.figures.gallery import Gallery, write_evaluation
from pix2pix_jax.figures.sheets import Group, save_sheet

__all__ = [
    "Gallery",
    "Group",
    "Run",
    "draw_curves",
    "save_figure",
    "save_sheet",
    "write_comparison",
    "write_evaluation",
]
