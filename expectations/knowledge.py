"""Knowledge: whether what was learnt outside of the pipeline could have been known when a forecast was due."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from expectations.evidence import KNOWLEDGE_CUTOFF
from expectations.leakage import Windows


def knowledge_cutoff(experiment: str, groups: Mapping[str, date | None], folds: Iterable[Windows]) -> pl.DataFrame:
    """By feature group and fold, whether the test window begins after the last day of which the group may know.

    A frozen encoder has read texts up to some day, and with them what became of the securities until then. A group that
    was made by no such thing has no last day, and passes.

    groups   feature group -> last day of which it may know anything beside its dated inputs, or None
    returns  KNOWLEDGE_CUTOFF
    """
    rows = [
        {
            "experiment": experiment,
            "group": group,
            "fold": fold.key,
            "test_start": fold.test_start,
            "knowledge_cutoff": last,
            "passed": last is None or fold.test_start > last,
        }
        for group, last in groups.items()
        for fold in folds
    ]
    return pl.DataFrame(rows, schema=KNOWLEDGE_CUTOFF)
