"""How good made images are: measures, the baselines that need no network, and tables of both."""

from pix2pix_jax.evaluation.judging import Baselines, Merits, by_file, judge, judge_baselines, spread, summarize
from pix2pix_jax.evaluation.old_prints import as_old_prints
from pix2pix_jax.evaluation.pairs import PairMerits, judge_pair_baselines, judge_pairs, lab_intersection, measure_pairs
from pix2pix_jax.evaluation.tables import LAB_NOTE, PAIRS_NOTE, TABLE_NOTE, Table, merits_table, pairs_table

__all__ = [
    "LAB_NOTE",
    "PAIRS_NOTE",
    "TABLE_NOTE",
    "Baselines",
    "Merits",
    "PairMerits",
    "Table",
    "as_old_prints",
    "by_file",
    "judge",
    "judge_baselines",
    "judge_pair_baselines",
    "judge_pairs",
    "lab_intersection",
    "measure_pairs",
    "merits_table",
    "pairs_table",
    "spread",
    "summarize",
]
