"""Luck section: what is left of a result after all that was tried beside it, for a report and for the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from assets.evaluation import luck
from assets.evaluation.against_baselines import against_baselines, sentence
from assets.evaluation.intervals import Figure
from assets.evaluation.page import table, words
from assets.evaluation.report_numbers import shown
from assets.evaluation.trials import Family

AS_KNOWN = "Counted when this page was made: who tries more on the same sessions finds more taken off, here too."


def luck_of(family: Family) -> list[Figure]:
    """Figures of `luck` for the family's own trial; none where its returns are not stored."""
    own = family.trial.id
    if own not in family.returns["trial_id"].to_list():
        return []
    return luck.figures(family.returns, own, family.failed, {})


def luck_section(family: Family) -> str:
    """A few sentences on what luck alone would give, and every figure behind them; empty where nothing is told."""
    figures = luck_of(family)
    if not figures:
        return ""
    lines = [(figure.metric, shown(figure.value, figure.unit), figure.unit, figure.definition) for figure in figures]
    told = pl.DataFrame(lines, schema=["metric", "value", "unit", "definition"], orient="row")
    return (
        f"{words(luck.sentence(figures))}{words(AS_KNOWN)}"
        f"<details><summary>{len(lines)} figures of luck</summary>{table(told, numbers=('value',))}</details>"
    )


def luck_of_all(families: Mapping[str, Family], baselines: Sequence[str]) -> str:
    """Each experiment of a leaderboard: what luck leaves of it, and its return beside that of the simple models.

    families   by experiment
    baselines  experiments of the simple models
    """
    lines = [_line(name, family, families, baselines) for name, family in families.items()]
    columns = ["experiment", "Sharpe a year", "trials", "probability above luck (DSR)", "beside the simple models"]
    return table(pl.DataFrame(lines, schema=columns, orient="row"), numbers=("Sharpe a year", "trials", columns[3]))


def _line(name: str, family: Family, families: Mapping[str, Family], baselines: Sequence[str]) -> tuple[str, ...]:
    told = {figure.metric: figure for figure in luck_of(family)}
    ratio, probability = (_shown(told, metric) for metric in ("sharpe_annual", "dsr_effective"))
    rivals = {other: own_returns(families[other]) for other in baselines if other != name}
    rivals = {other: returns for other, returns in rivals.items() if len(returns)}
    own = own_returns(family)
    beside = sentence(against_baselines(own, rivals)) if rivals and len(own) else "-"
    return (name, ratio, str(family.trials), probability, beside)


def _shown(told: Mapping[str, Figure], metric: str) -> str:
    return shown(told[metric].value, told[metric].unit) if metric in told else "-"


def own_returns(family: Family) -> pl.DataFrame:
    """session, excess_return of the family's own trial."""
    return family.returns.filter(pl.col("trial_id") == family.trial.id).select("session", "excess_return")
