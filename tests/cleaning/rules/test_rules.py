"""The rules together: their list, and that every one of them stands by its look-back and knows nothing later."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.marks import LOOK_BACK, rows_of
from assets.cleaning.rules import RULES, changes, marks, refusals, without
from assets.cleaning.rules.market import market_of
from assets.cleaning.rules.rule import Found, Mark

MARKS = marks(RULES)


def test_every_rule_has_one_name_a_dated_version_and_a_text():
    assert len({rule.name for rule in RULES}) == len(RULES) >= 30
    assert all(rule.version.startswith("20") for rule in RULES)
    assert all(mark.find.__doc__ for mark in MARKS)
    assert len(refusals(RULES)) + len(changes(RULES)) + len(MARKS) == len(RULES)


def test_a_rule_is_left_out_by_name_and_an_unknown_name_is_refused():
    assert {rule.name for rule in RULES} - {rule.name for rule in without(["st", "duplicate"])} == {"st", "duplicate"}
    with pytest.raises(ValueError, match=r"no cleaning rule is called \['stt'\]; the rules are \['not_finite'"):
        without(["stt"])


def wild(calm, seed: int) -> pl.DataFrame:
    """A market in which everything happens: jumps, bursts, halts, absences, flags, factors that do not fit."""
    rng = np.random.default_rng(seed)

    def places(share: float) -> dict[str, list[int]]:
        return {f"sh60000{n}": np.flatnonzero(rng.random(260) < share).tolist() for n in range(1, 5)}

    def values(share: float, draw) -> dict[str, dict[int, float]]:
        return {name: {place: float(draw()) for place in found} for name, found in places(share).items()}

    halts = {"sh600001": range(150, 150 + int(rng.integers(25, 70)))}
    pumped = range(180, 192)
    return calm(
        returns=values(0.2, lambda: rng.choice([-0.1, 0.1, 0.06])) | {"sz300006": dict.fromkeys(pumped, 0.15)},
        volumes=values(0.1, lambda: rng.lognormal(1.5, 1)) | {"sz300006": dict.fromkeys(pumped, 9.0)},
        suspended=places(0.03) | halts,
        st=places(0.4),
        new={"sz000005": range(200, 260)},
        absent={"sz000005": range(200), "sh600002": [70, 71], "sh600003": [70], "sz300006": range(60, 70)},
        factors=values(0.01, lambda: rng.uniform(0.5, 2)),
        sessions=260,
    )


def in_window(rule: Mark, bars: pl.DataFrame, facts: list[pl.DataFrame], first: int, last: int) -> pl.DataFrame:
    """Marks of a rule that is given the bars of some sessions only, and the facts of all."""
    days = bars["session"].unique().sort().slice(first, last - first + 1)
    return rows_of(rule, market_of(bars.filter(pl.col("session").is_in(days.implode())), days, *facts))


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(140, 250), more=st.integers(0, 9))
def test_no_rule_looks_later_than_its_session_nor_further_back_than_it_says(calm, facts_of, seed, cut, more):
    bars = wild(calm, seed)
    facts = facts_of(bars)
    day = bars["session"].unique().sort()[cut]
    for rule in MARKS:
        whole = in_window(rule, bars, facts, 0, 259).filter(pl.col("session") == day)
        window = in_window(rule, bars, facts, max(cut - rule.look_back - more, 0), cut).filter(pl.col("session") == day)
        assert window.equals(whole), rule.name


@pytest.mark.parametrize("rule", MARKS, ids=lambda rule: rule.name)
def test_where_a_rule_fires_its_look_back_is_enough(calm, facts_of, rule):
    bars = wild(calm, 1)
    facts = facts_of(bars)
    days = bars["session"].unique().sort()
    whole = in_window(rule, bars, facts, 0, 259)
    fired = [cut for cut in range(135, 260) if whole.filter(pl.col("session") == days[cut]).height]
    for cut in fired[:: len(fired) // 8 + 1] + fired[-1:]:
        here = pl.col("session") == days[cut]
        assert in_window(rule, bars, facts, cut - rule.look_back, cut).filter(here).equals(whole.filter(here))


def test_everything_happens_in_that_market(calm, facts_of):
    markets = [(bars, facts_of(bars)) for bars in (wild(calm, seed) for seed in range(3))]
    fired = {rule.name for rule in MARKS for bars, facts in markets if in_window(rule, bars, facts, 0, 259).height}
    assert {rule.name for rule in MARKS} - fired <= {
        "abnormal_turnover",
        "locked_up",
        "locked_down",
        "delisting_period",
    }


def test_the_check_finds_a_rule_that_looks_ahead_and_one_that_looks_further_back_than_it_says(calm, facts_of):
    def tomorrow(market):
        return Found(np.roll(market.returns, -1, axis=1) > 0.05, "rises tomorrow")

    def ever(market):
        return Found(np.cumsum(np.nan_to_num(market.returns) > 0.05, axis=1) > 3, "rose often")

    def stands(find) -> bool:
        rule, bars = Mark("planted", "flagged", find, 20, "2026-11-22"), wild(calm, 0)
        facts = facts_of(bars)
        days = bars["session"].unique().sort()
        cuts = range(140, 250, 10)
        whole = [in_window(rule, bars, facts, 0, 259).filter(pl.col("session") == days[cut]) for cut in cuts]
        parts = [in_window(rule, bars, facts, cut - 20, cut).filter(pl.col("session") == days[cut]) for cut in cuts]
        return all(part.equals(one) for part, one in zip(parts, whole, strict=True))

    assert not stands(tomorrow)
    assert not stands(ever)


def test_the_table_looks_back_as_far_as_its_furthest_rule():
    assert max(rule.look_back for rule in MARKS) == LOOK_BACK <= 130
