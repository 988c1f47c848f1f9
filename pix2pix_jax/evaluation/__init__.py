"""How good generated images are: measures, the baselines that need no network, and tables of both."""

from pix2pix_jax.evaluation.drawn import as_old_prints, true_points
from pix2pix_jax.evaluation.evaluating import (
    Baselines,
    by_file,
    evaluate,
    evaluate_baselines,
    pair_baselines,
    summarize,
)
from pix2pix_jax.evaluation.measures import (
    MEASURES,
    PAIR_MEASURES,
    PHOTOGRAPH_MEASURES,
    Merits,
    average,
    colorfulness,
    gray_images,
    lab_intersection,
    measure_each,
)
from pix2pix_jax.evaluation.tables import LAB_NOTE, PAIRS_NOTE, TABLE_NOTE, Table, merits_table, pairs_table
from pix2pix_jax.evaluation.tint import apply_tint, best_tint
from pix2pix_jax.evaluation.verdict import BESIDE, GRAY, compared

__all__ = [
    "BESIDE",
    "GRAY",
    "LAB_NOTE",
    "MEASURES",
    "PAIRS_NOTE",
    "PAIR_MEASURES",
    "PHOTOGRAPH_MEASURES",
    "TABLE_NOTE",
    "Baselines",
    "Merits",
    "Table",
    "apply_tint",
    "as_old_prints",
    "average",
    "best_tint",
    "by_file",
    "colorfulness",
    "compared",
    "evaluate",
    "evaluate_baselines",
    "gray_images",
    "lab_intersection",
    "measure_each",
    "merits_table",
    "pair_baselines",
    "pairs_table",
    "summarize",
    "true_points",
]
