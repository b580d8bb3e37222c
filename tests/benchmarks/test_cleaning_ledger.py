"""The check that no rule looks ahead, tried on rules that do; and the damage that makes every rule fire."""

import numpy as np
import polars as pl
import pytest

from assets.cleaning.rules import RULES
from assets.cleaning.rules.rule import Found, Mark
from benchmarks.cleaning_ledger import by_rule, causality
from expectations.tables import RawBars

HONEST = tuple(rule for rule in RULES if rule.name in ("suspended", "st", "abnormal_fluctuation", "duplicate"))


def tomorrow(market):
    """A rule that marks what rises tomorrow."""
    ahead = np.full_like(market.returns, np.nan)
    ahead[:, :-1] = market.returns[:, 1:]
    return Found(ahead > 0.02, "rises tomorrow")


def whole_sample(market):
    """A rule that measures with the mean of the whole span."""
    return Found(market.shares > 2 * np.nanmean(market.shares), "more than twice the mean")


PLANTED = {
    "tomorrow": Mark("tomorrow", "flagged", tomorrow, 0, "2026-11-22"),
    "whole_sample": Mark("whole_sample", "flagged", whole_sample, 0, "2026-11-22"),
}


@pytest.fixture(scope="module")
def raw(market) -> dict[str, pl.DataFrame]:
    return {RawBars.asset_key: market}


def test_the_honest_rules_pass(raw):
    found = causality(raw, HONEST, instants=2)
    assert found["rule"].to_list() == [rule.name for rule in HONEST]
    assert found["causal"].all()
    assert found.filter(rule="suspended")["rows_compared"].item() > 20


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_rule_that_looks_ahead_is_found_and_named(raw, name):
    found = causality(raw, (*HONEST, PLANTED[name]), instants=2)
    assert found.filter(~pl.col("causal"))["rule"].to_list() == [name]
    assert found.filter(rule=name)["first_example"].item() is not None


def test_each_rule_has_a_table_also_without_rows(raw):
    tables = by_rule(raw, RULES)
    assert set(tables) == {f"rule/{rule.name}" for rule in RULES}
    assert all(frame.select("session", "security_id").is_unique().all() for frame in tables.values() if frame.height)
