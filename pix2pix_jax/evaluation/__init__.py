"""How good coloured photographs are: measures, the baselines that need no network, and tables of both."""

from pix2pix_jax.evaluation.judging import Baselines, Merits, judge, judge_baselines, spread, summarize
from pix2pix_jax.evaluation.tables import TABLE_NOTE, Table, merits_table

__all__ = [
    "TABLE_NOTE",
    "Baselines",
    "Merits",
    "Table",
    "judge",
    "judge_baselines",
    "merits_table",
    "spread",
    "summarize",
]
