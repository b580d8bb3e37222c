import numpy as np
import polars as pl
import pytest
from scipy import stats

from assets.evaluation.cases import cases
from assets.evaluation.information import information, seed_averaged
from assets.evaluation.slices import LEAST_NAMES, slices


def by_part(lines, metric="rank_ic"):
    return {(line.kind, line.part): line for line in lines if line.metric == metric}


def test_all_cases_have_the_rank_ic_and_ic_of_the_headline(small_market):
    market = small_market(names=30)
    told = market.forecasts.with_columns(seed=0, segment=pl.lit("test"), fold=pl.lit("f"))
    headline = information(told, market.returns, 5)
    averaged = seed_averaged(told)
    found = cases(averaged, market.returns, market.bars, market.float_shares, market.industries, horizon=5, hour=20)
    lines = slices(found)
    assert by_part(lines)["all", "all"].value == pytest.approx(headline["rank_ic"].mean(), abs=1e-14)
    assert by_part(lines, "ic")["all", "all"].value == pytest.approx(headline["ic"].mean(), abs=1e-14)


def test_within_a_slice_names_are_ranked_among_themselves(signal):
    rng = np.random.default_rng(3)
    group = rng.integers(0, 3, (40, 60))
    found = signal(0.3, sessions=40, slicings={"board": (("a", "b", "c"), group, False)})
    line = by_part(slices(found))["board", "b"]
    daily = []
    for t in range(40):
        cells = group[t] == 1
        daily.append(stats.spearmanr(found.forecast_TS[t, cells], found.realised[t, cells]).statistic)
    assert line.value == pytest.approx(np.mean(daily))
    assert line.lower < line.value < line.upper
    assert line.sessions == 40
    assert line.names == pytest.approx((group == 1).sum(axis=1).mean())


def test_choosing_between_slices_tells_nothing_within_them(made):
    rng = np.random.default_rng(0)
    group = np.tile(np.arange(40) % 2, (60, 1))
    returned = group + rng.normal(0, 0.1, group.shape)
    found = by_part(
        slices(made(group + rng.normal(0, 0.1, group.shape), returned, slicings={"size": (("s", "l"), group, False)}))
    )
    assert found["all", "all"].value > 0.7
    for part in ("s", "l"):
        line = found["size", part]
        assert line.lower < 0 < line.upper


def test_a_slice_of_whole_sessions_is_the_mean_over_its_sessions(signal):
    place = np.tile((np.arange(50) % 2)[:, None], (1, 60))
    found = signal(0.2, sessions=50, slicings={"year": (("odd", "even"), place, True)})
    lines = by_part(slices(found))
    whole = lines["all", "all"].value
    assert (lines["year", "odd"].value + lines["year", "even"].value) / 2 == pytest.approx(whole)
    assert lines["year", "odd"].sessions == 25


def test_names_without_a_slice_are_in_none(signal):
    group = np.full((30, 60), -1)
    group[:, :20] = 0
    line = by_part(slices(signal(0.2, sessions=30, slicings={"industry": (("bank",), group, False)})))[
        "industry", "bank"
    ]
    assert line.names == 20


def test_too_few_names_have_no_figure_and_are_counted_as_none(signal):
    group = np.full((30, 60), -1)
    group[:, : LEAST_NAMES - 1] = 0
    line = by_part(slices(signal(0.2, sessions=30, slicings={"industry": (("bank",), group, False)})))[
        "industry", "bank"
    ]
    assert np.isnan(line.value)
    assert (line.sessions, line.names) == (0, 0)


def test_noise_is_not_told_apart_from_0(signal):
    line = by_part(slices(signal(0.0, sessions=200)))["all", "all"]
    assert line.lower < 0 < line.upper
