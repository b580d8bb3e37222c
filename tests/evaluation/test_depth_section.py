import numpy as np
import polars as pl
import pytest

from assets.evaluation import depth_section
from assets.evaluation.calibration import calibration
from assets.evaluation.cases import cases
from assets.evaluation.depth import depth, of_forecasts, of_portfolio
from assets.evaluation.gating import gating
from assets.evaluation.portfolio import simulate
from assets.evaluation.stated_cases import StatedCases
from assets.evaluation.trading import TradingSpec


def stated(seed, probability=True):
    rng = np.random.default_rng(seed)
    count = 3000
    true, noise = rng.random(count), rng.uniform(0.01, 0.05, count)
    blank = np.full(count, np.nan)
    return StatedCases(
        folds=("a",),
        fold_N=np.zeros(count, dtype=np.intp),
        session_N=np.arange(count) // 50,
        return_N=np.where(rng.random(count) < true, 0.1, -0.1),
        error_N=noise * rng.standard_normal(count),
        probability_N=true if probability else blank,
        doubt_N=rng.random(count) if probability else blank,
        noise_N=noise,
    )


@pytest.fixture(scope="module")
def whole(small_market):
    market = small_market(names=40, sessions=160)
    told = market.forecasts.filter(market.forecasts["session"] < market.sessions[-1])
    universe = told.select("session", "security_id", is_member=pl.lit(value=True))
    ran = simulate(told, market.bars, universe, TradingSpec(top_k=5))
    laid = cases(told, market.returns, market.bars, market.float_shares, market.industries, 5, 20)
    index = market.bars.group_by("session").agg(pl.col("close").mean()).sort("session").select(
        "session", "close", index_id=pl.lit("sh000300"), origin=pl.lit("reported"), prev_close=pl.col("close").shift(1)
    )  # fmt: skip
    both = stated(0), stated(1)
    lines = [*of_forecasts(laid, 5), *of_portfolio(ran.daily, ran.orders, market.bars, index, laid, 5)]
    return depth([*lines, *calibration(*both, 5), *gating(*both, 5)])


def test_every_part_has_its_picture(whole):
    pictures = depth_section.drawn(whole)
    assert set(pictures) == set(depth_section.CAPTIONS)
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    assert depth_section.drawn(whole) == pictures


def test_the_sections_hold_their_figures_and_words(whole):
    pictures = depth_section.drawn(whole)
    told = "".join(depth_section.told(whole, pictures))
    for word in (
        "Where it holds",
        "steel",
        "best 5",
        "called to fall",
        "How long it lasts",
        "RankIC of the style alone",
    ):
        assert word in told
    earned = "".join(depth_section.earned(whole, pictures))
    assert "sh000300" in earned
    assert "tracking error" in earned
    sure = depth_section.sure(whole, pictures)
    assert "Brier score below that of the base rate" in sure
    assert "nearness to one half: loss below a gate at random" in sure
    assert whole.height == depth_section.every(whole).count("<tr>") - 1


def test_without_figures_there_is_no_section_and_no_picture():
    empty = depth([])
    assert depth_section.drawn(empty) == {}
    assert "".join(depth_section.told(empty, {})) == ""
    assert "".join(depth_section.earned(empty, {})) == ""
    assert depth_section.sure(empty, {}) == depth_section.every(empty) == ""


def test_noise_alone_is_shown_without_a_reliability_diagram():
    both = stated(0, probability=False), stated(1, probability=False)
    found = depth([*calibration(*both, 5), *gating(*both, 5)])
    assert set(depth_section.drawn(found)) == {"risk_by_coverage", "stated_noise"}


def test_a_refused_gate_is_told():
    valid, test = stated(0), stated(1)
    dull = StatedCases(**{**vars(valid), "doubt_N": np.zeros(len(valid.doubt_N))})
    found = depth(gating(dull, test, 5))
    assert "doubt of the probability: refused" in depth_section.sure(found, depth_section.drawn(found))


def test_a_probability_with_few_sessions_has_no_bounds():
    both = stated(0), stated(1)
    short = [StatedCases(**{**vars(one), "session_N": one.session_N // 20}) for one in both]
    assert "[" not in "".join(
        line for line in depth_section.sure(depth(calibration(*short, 5)), {}).split("<tr>") if "below" in line
    )
