"""Luck section: what is told of one experiment, and of all beside the simple models."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from assets.evaluation.luck_section import luck_of, luck_of_all, luck_section, own_returns
from assets.evaluation.trials import MEMBERS, Family, Trial

FIRST, LAST = date(2016, 1, 4), date(2016, 12, 30)
SESSIONS = pl.date_range(FIRST, LAST, "1d", eager=True).alias("session")


def returns_of(name: str, mean: float, seed: int) -> pl.DataFrame:
    drawn = np.random.default_rng(seed).normal(mean, 0.01, len(SESSIONS))
    return pl.DataFrame({"trial_id": [name] * len(SESSIONS), "session": SESSIONS, "excess_return": drawn})


def family(own: str, means: dict[str, float], failed: int = 0) -> Family:
    returns = pl.concat([returns_of(name, mean, place) for place, (name, mean) in enumerate(means.items())])
    names = [*means, *(f"failed {place}" for place in range(failed))]
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [(name, name, at, FIRST, LAST, name if name in means else None, len(SESSIONS)) for name in names]
    trial = Trial(id=own, source="market", basket=None, first_test=FIRST, last_test=LAST)
    return Family(trial, pl.DataFrame(rows, schema=MEMBERS, orient="row"), returns)


def test_every_failed_trial_is_taken_off():
    means = {"a": 0.0015, "b": 0.0, "c": 0.0}
    few, many = ({figure.metric: figure.value for figure in luck_of(family("a", means, failed))} for failed in (0, 200))
    assert (few["trials"], many["trials"]) == (3, 203)
    assert many["dsr"] < few["dsr"]


def test_a_trial_without_stored_returns_tells_nothing():
    assert luck_section(family("absent", {"a": 0.0, "b": 0.0})) == ""
    assert luck_of(family("absent", {"a": 0.0})) == []


def test_the_section_says_it_in_sentences_with_every_figure_behind():
    told = luck_section(family("a", {"a": 0.001, "<b>": 0.0}))
    assert "It is one of 2 tried on these sessions" in told
    assert "Counted when this page was made" in told
    assert "dsr_effective" in told


@pytest.mark.parametrize(("mean", "said"), [(0.01, "better"), (0.0, "not told apart")])
def test_each_experiment_stands_beside_the_simple_ones(mean, said):
    means = {"lstm": mean, "ridge": 0.0}
    told = luck_of_all({name: family(name, means) for name in means}, ["ridge"])
    assert f"sessions, {said}." in told.split("<tr>")[2]
    assert "Against ridge" not in told.split("<tr>")[3]


def test_own_returns_are_those_of_the_trial_alone():
    found = own_returns(family("b", {"a": 0.001, "b": 0.0}))
    assert found.columns == ["session", "excess_return"]
    assert found["excess_return"].to_list() == returns_of("b", 0.0, 1)["excess_return"].to_list()
