"""Tests of the normalisation of features within a session."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from assets.training.normalisation import FEWEST_PEERS, by_group, industry_codes, normalise
from assets.wide import Grid
from expectations.fact_tables import Industries

RULES = ("market_neutral", "industry_neutral", "rank", "z_score")
by_rule = pytest.mark.parametrize("rule", RULES)
SHAPE = (40, 6, 3)


def normalised(x, member, rule, industry=None):
    own = x.copy()
    normalise(own, member, range(x.shape[2]), rule, industry)
    return own


def case(seed, securities=SHAPE[0]):
    """Values with ties, outliers, gaps and a column that is mostly one value; members; industries, some unknown."""
    rng = np.random.default_rng(seed)
    x = rng.standard_t(2, (securities, *SHAPE[1:])).round(1).astype(np.float32)
    x[..., 2] = np.where(rng.random(x.shape[:2]) < 0.8, 0, x[..., 2])
    x[rng.random(x.shape) < 0.1] = np.nan
    member = rng.random(x.shape[:2]) < 0.8
    member[:, 0] = False
    industry = rng.integers(-1, 4, x.shape[:2]).astype(np.int32)
    industry[:3] = 4
    return x, member, industry


def less_market(values, member, industry):
    middle = np.nanmedian(values[member]) if np.isfinite(values[member]).any() else 0
    return values - np.float32(middle)


def less_industry(values, member, industry):
    out = less_market(values, member, industry)
    for security, code in enumerate(industry):
        peers = values[member & (industry == code) & np.isfinite(values)]
        if code >= 0 and len(peers) >= FEWEST_PEERS:
            out[security] = values[security] - np.median(peers)
    return out


def rank(values, member, industry):
    known = values[member & np.isfinite(values)]
    below = [(known < value).sum() + 0.5 * (known == value).sum() for value in values]
    return np.array(
        [b / len(known) - 0.5 if len(known) and not np.isnan(v) else np.nan for b, v in zip(below, values, strict=True)]
    )


def z_score(values, member, industry):
    values = values.astype(float)
    known = values[member & np.isfinite(values)]
    if not len(known):
        return np.full(len(values), np.nan)
    middle = np.median(known)
    reach = 5 * np.median(np.abs(known - middle)) / 0.6745 or np.inf
    clipped = np.clip(known, middle - reach, middle + reach)
    if not clipped.std():
        return values * 0
    return (np.clip(values, middle - reach, middle + reach) - clipped.mean()) / clipped.std()


SLOW = {"market_neutral": less_market, "industry_neutral": less_industry, "rank": rank, "z_score": z_score}


@by_rule
@pytest.mark.parametrize("seed", range(5))
def test_every_rule_equals_its_slow_reference(rule, seed):
    x, member, industry = case(seed)
    found = normalised(x, member, rule, industry)
    for session in range(SHAPE[1]):
        for column in range(SHAPE[2]):
            expected = SLOW[rule](x[:, session, column], member[:, session], industry[:, session])
            np.testing.assert_allclose(found[:, session, column], expected, atol=2e-6)


def test_the_rank_of_members_is_their_mean_rank_over_their_number():
    x, member, _ = case(0)
    found = normalised(x, member, "rank")[:, 1, 0]
    chosen = member[:, 1] & np.isfinite(x[:, 1, 0])
    share = (rankdata(x[chosen, 1, 0]) - 0.5) / chosen.sum()
    np.testing.assert_allclose(found[chosen], share - 0.5, atol=1e-6)


@by_rule
@given(seed=st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_permutation_of_the_securities_permutes_the_result(rule, seed):
    x, member, industry = case(seed)
    order = np.random.default_rng(seed).permutation(len(x))
    one, other = normalised(x, member, rule, industry), normalised(x[order], member[order], rule, industry[order])
    np.testing.assert_array_equal(one[order], other)


@by_rule
@given(seed=st.integers(0, 10_000), more=st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_more_names_that_are_no_members_change_nothing_for_the_others(rule, seed, more):
    x, member, industry = case(seed)
    y, _, code = case(seed + 1, more)
    wider = normalised(
        np.concatenate([x, y * 100]),
        np.concatenate([member, np.zeros(y.shape[:2], dtype=bool)]),
        rule,
        np.concatenate([industry, code]),
    )
    np.testing.assert_array_equal(wider[: len(x)], normalised(x, member, rule, industry))


@given(seed=st.integers(0, 10_000), slope=st.integers(1, 9))
@settings(max_examples=25, deadline=None)
def test_a_rank_does_not_change_under_a_monotone_transform(seed, slope):
    x, member, _ = case(seed)
    other = np.arctan(x.astype(np.float64) / slope).astype(np.float32)
    np.testing.assert_array_equal(normalised(x, member, "rank"), normalised(other, member, "rank"))


@by_rule
@given(seed=st.integers(0, 10_000), session=st.integers(0, SHAPE[1] - 1))
@settings(max_examples=25, deadline=None)
def test_no_session_sees_another(rule, seed, session):
    x, member, industry = case(seed)
    others = np.arange(SHAPE[1]) != session
    y, y_member, y_industry = case(seed + 1)
    for mine, theirs in ((x, y), (member, y_member), (industry, y_industry)):
        theirs[:, session] = mine[:, session]
    one, other = normalised(x, member, rule, industry), normalised(y, y_member, rule, y_industry)
    np.testing.assert_array_equal(one[:, ~others], other[:, ~others])


@by_rule
def test_an_unknown_value_stays_unknown_and_a_known_one_of_a_session_with_members_known(rule):
    x, member, industry = case(3)
    found = normalised(x, member, rule, industry)
    np.testing.assert_array_equal(np.isnan(found)[:, 1:], np.isnan(x)[:, 1:])


def test_one_wild_value_hardly_moves_the_z_scores_of_the_others():
    x = np.random.default_rng(0).normal(size=(300, 1, 1)).astype(np.float32)
    member = np.ones((300, 1), dtype=bool)
    wild = x.copy()
    wild[0] = 1e6
    one, other = normalised(x, member, "z_score"), normalised(wild, member, "z_score")
    assert np.abs(one[1:] - other[1:]).max() < 0.2
    assert other[0, 0, 0] < 6
    assert one.std() == pytest.approx(1, abs=1e-3)


def test_infinite_values_are_the_first_and_the_last_in_rank():
    x = np.array([np.inf, 1, -np.inf, np.nan, 2], dtype=np.float32)[:, None, None]
    found = normalised(x, np.ones((5, 1), dtype=bool), "rank")[:, 0, 0]
    np.testing.assert_allclose(found, [0.375, -0.125, -0.375, np.nan, 0.125])


def test_only_the_given_columns_are_changed():
    x, member, _ = case(0)
    own = x.copy()
    normalise(own, member, [1], "rank")
    np.testing.assert_array_equal(own[..., [0, 2]], x[..., [0, 2]])
    np.testing.assert_array_equal(own[..., 1], normalised(x, member, "rank")[..., 1])


def test_a_market_without_industries_is_refused_for_industry_neutral_with_what_to_do():
    x, member, _ = case(0)
    with pytest.raises(ValueError, match=r"no industry for any of \d+ member cells.*Use market_neutral"):
        normalised(x, member, "industry_neutral")


def test_rules_by_group_leave_the_rest_to_the_default():
    assert by_group("rank", ("a", "b")) == {"a": "rank", "b": "rank"}
    assert by_group({"default": "z_score", "b": "none"}, ("a", "b")) == {"a": "z_score", "b": "none"}
    assert by_group({"b": "none"}, ("a", "b")) == {"a": "market_neutral", "b": "none"}
    with pytest.raises(ValueError, match=r"normalisation names \['c'\]; allowed: 'default' and .* \['a', 'b'\]"):
        by_group({"c": "none"}, ("a", "b"))


def test_an_industry_counts_from_the_decision_by_which_it_was_known():
    days = [date(2015, 1, 5), date(2015, 1, 6), date(2015, 1, 7)]
    told = [
        ("a", "steel", True, datetime(2015, 1, 5, 12, tzinfo=UTC)),  # 20:00 in Shanghai, at the decision itself
        ("a", "steel", False, datetime(2015, 1, 6, 12, 0, 0, 1, tzinfo=UTC)),  # a microsecond after it
        ("a", "banks", True, datetime(2015, 1, 6, 12, 0, 0, 1, tzinfo=UTC)),
        ("b", "banks", True, datetime(2015, 1, 6, 10, tzinfo=UTC)),
    ]
    facts = pl.DataFrame(told, schema=["security_id", "industry", "holds", "available_at"], orient="row")
    facts = facts.with_columns(pl.col("available_at").dt.convert_time_zone("Asia/Shanghai"))
    facts = Industries.cast(facts.with_columns(known_on=pl.col("available_at").dt.date()).lazy())
    cells = pl.DataFrame({"session": days * 2, "security_id": ["a"] * 3 + ["b"] * 3})
    grid = Grid(tuple(days), ("a", "b"))
    np.testing.assert_array_equal(industry_codes(cells, facts, grid, 20), [[1, 1, 0], [-1, 0, 0]])
    np.testing.assert_array_equal(industry_codes(cells, facts, grid, 18), [[-1, 1, 0], [-1, 0, 0]])
    np.testing.assert_array_equal(industry_codes(cells, facts.head(0), grid, 20), np.full((2, 3), -1))
