import re
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from assets.evaluation import information as informing
from assets.evaluation import report
from assets.evaluation.gate_section import Gate
from assets.evaluation.portfolio import Orders, PortfolioDaily, Positions, Simulation
from assets.evaluation.shortfall import CAUSES, Shortfall
from assets.evaluation.trading import TradingSpec
from assets.evaluation.trials import MEMBERS, Family, Trial, TrialReturns
from assets.evaluation.trials_section import Looks
from assets.folds.walk_forward import Fold
from expectations.decisions import decision_instant
from expectations.evidence import FUTURE_PERTURBATION

SESSIONS = pl.date_range(date(2016, 1, 1), date(2016, 12, 31), eager=True).alias("session")
FOLD = Fold("2016-07-01", date(2016, 1, 1), date(2016, 4, 1), date(2016, 7, 1), date(2016, 10, 1))


def made_information(level: float = 0.04) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    days = pl.DataFrame(SESSIONS).with_columns(
        fold=pl.lit("2016-07-01"),
        segment=pl.when(pl.col("session") < date(2016, 7, 1)).then(pl.lit("valid")).otherwise(pl.lit("test")),
        rank_ic=pl.Series(level + rng.normal(0, 0.05, len(SESSIONS))),
        names=pl.lit(300, dtype=pl.UInt32),
        is_constant=pl.lit(False),
    )
    same = {name: pl.col("rank_ic") for name in ("ic", "rank_ic_known", "decile_spread")}
    return informing.Information.validate(days.with_columns(**same, hit_rate=0.5 + pl.col("rank_ic") / 3))


def made_simulation() -> Simulation:
    rng = np.random.default_rng(1)
    net = rng.normal(0.001, 0.01, len(SESSIONS))
    daily = pl.DataFrame(SESSIONS).with_columns(
        nav=pl.Series(1e6 * np.cumprod(1 + net)),
        cash=pl.lit(1000.0),
        net_return=pl.Series(net),
        gross_return=pl.Series(net + 0.0001),
        benchmark_return=pl.lit(0.0005),
        unchosen_return=pl.lit(0.0004),
        excess_return=pl.Series(net - 0.0005),
        selection_return=pl.Series(net - 0.0003),
        turnover=pl.lit(0.2),
        fees=pl.lit(100.0),
        **dict.fromkeys(("dividends", "dividend_tax", "impact"), pl.lit(0.0)),
    )
    orders = pl.DataFrame(
        {
            "session": [date(2016, 7, 4)] * 4,
            "security_id": ["a", "b", "c", "d"],
            "side": ["buy", "buy", "buy", "sell"],
            "opened": [date(2016, 7, 4)] * 4,
            "shares": [100.0, 0, 0, 100],
            "price": [1.0, 1, 1, 1],
            "fee": [5.0, 0, 0, 0],
            "status": ["filled", "refused", "refused", "refused"],
            "reason": [None, "locked_up", "locked_up", "suspended"],
        }
    )
    nothing = ("commission", "stamp_duty", "transfer_fee", "dividend_tax", "impact", "value")
    orders = orders.with_columns(asked=pl.lit(100.0), **dict.fromkeys(nothing, pl.lit(0.0)))
    lost = pl.DataFrame(SESSIONS).with_columns(
        frictionless_return=pl.Series(net + 0.0001),
        **dict.fromkeys(CAUSES, pl.lit(0.0)) | {"costs": pl.lit(0.0001)},
        net_return=pl.Series(net),
    )
    return Simulation(
        Orders.validate(orders), PortfolioDaily.validate(daily), Positions.create_empty(), Shortfall.validate(lost)
    )


def made_gate(*, passed: bool = True) -> Gate:
    stages = {
        "stage": ["data", "leakage"],
        "passed": [True, passed],
        "expectations": [6, 30],
        "evidence": ["1a2b", "3c4d"],
    }
    row = {"table": "features/x", "column": "a", "rows_compared": 9, "passed": True}
    evidence = pl.DataFrame([{"decided_at": decision_instant(date(2016, 3, 1), 20), **row}], schema=FUTURE_PERTURBATION)
    return Gate(pl.DataFrame(stages), "77aa88bb", evidence, "../../data_docs/index.html")


def made_looks() -> Looks:
    row = ("ab", "lstm_price", datetime(2016, 12, 1, tzinfo=UTC), FOLD.test_start, FOLD.test_end, "cd", 184)
    members = pl.DataFrame([row], schema=MEMBERS, orient="row")
    trial = Trial(id="ab", source="market", basket=None, first_test=FOLD.test_start, last_test=FOLD.test_end)
    return Looks(Family(trial, members, TrialReturns.create_empty()), 0, None, ())


def made_findings(level: float = 0.04) -> report.Findings:
    information = made_information(level)
    seeds = pl.DataFrame({"fold": ["2016-07-01"] * 2, "segment": "test", "seed": [0, 1], "rank_ic": [0.03, 0.05]})
    tenths = pl.DataFrame(SESSIONS).join(pl.DataFrame({"decile": range(1, 11)}), how="cross")
    tenths = tenths.with_columns(
        fold=pl.lit("2016-07-01"), segment=pl.lit("test"), excess_return=pl.col("decile") / 1e4
    )
    return report.Findings(
        experiment="lstm_price",
        question="Does <this> rank returns?",
        model="lstm",
        horizon=5,
        trading=TradingSpec(),
        information=information,
        by_seed=informing.SeedInformation.validate(seeds.with_columns(sessions=pl.lit(184)), cast=True),
        deciles=informing.Deciles.validate(tenths, cast=True),
        simulations={"test": made_simulation()},
        windows=report.windows_of([FOLD], SESSIONS, 5),
        rows=pl.DataFrame(
            {"what": ["read", "refused", "kept"], "why": [None, "low above high", None], "rows": [1000, 1, 999]}
        ),
        gate=made_gate(),
        looks=made_looks(),
    )


def test_the_summary_has_each_figure_once_with_its_interval_and_definition():
    figures = report.summary(made_findings())
    assert figures.select("segment", "metric").is_duplicated().sum() == 0
    row = figures.row(by_predicate=(pl.col("metric") == "rank_ic") & (pl.col("segment") == "test"), named=True)
    assert row["lower"] < row["value"] < row["upper"]
    assert (figures["definition"].str.len_chars() > 5).all()
    assert set(figures["segment"]) == {"test", "valid"}
    assert figures.filter(pl.col("metric") == "excess_return_annual")["segment"].to_list() == ["test"]


@pytest.mark.parametrize(("level", "said"), [(0.04, "above 0"), (-0.04, "below 0"), (0.0, "not told apart from 0")])
def test_the_verdict_says_where_the_interval_lies(level, said):
    sentence = report.verdict(report.summary(made_findings(level)))
    assert re.fullmatch(rf"RankIC -?\.\d{{3}} \[-?\.\d{{3}}, -?\.\d{{3}}\] over 184 sessions: {said}", sentence)


def test_the_verdict_of_pending_labels_claims_nothing():
    findings = made_findings()
    pending = findings.information.with_columns(rank_ic=pl.lit(None, dtype=pl.Float64))
    figures = report.summary(replace(findings, information=pending))
    assert report.verdict(figures) == "No RankIC: none of the test sessions has one yet"
    assert "report.html" in report.render(replace(findings, information=pending))


def test_the_page_holds_the_verdict_the_figures_and_every_picture_within_itself():
    files = report.render(made_findings())
    html = files["report.html"].decode()
    pictures = {name for name in files if name.endswith(".png")}
    assert len(pictures) == 8
    assert html.count("src='data:image/png;base64,") == len(pictures)
    assert not re.search(r"(?:src|href)=['\"]?https?:", html)
    assert report.verdict(report.summary(made_findings())) in html
    assert "Does &lt;this&gt; rank returns?" in html
    assert "low above high" in html
    assert "Gate passed" in html
    assert "36 expectations in 2 stages" in html
    assert "href='../../data_docs/index.html'" in html
    assert all(word in html for word in ("1a2b", "3c4d", "77aa88bb"))
    assert "<b>1 trial in this family.</b>" in html
    assert "market declares no sealed holdout." in html


def test_a_failed_gate_is_shown_as_failed():
    html = report.render(replace(made_findings(), gate=made_gate(passed=False)))["report.html"].decode()
    assert "class='gate failed'" in html
    assert "failed: leakage" in html


def test_without_a_simulation_the_page_has_no_portfolio():
    html = report.render(replace(made_findings(), simulations={}))["report.html"].decode()
    assert "Excess return" not in html
    assert "What they would have earned" not in html


def test_windows_purge_the_labels_that_reach_into_the_next_window():
    found = report.windows_of([FOLD], SESSIONS, 5)
    assert found.rows() == [
        ("2016-07-01", "train", date(2016, 1, 1), date(2016, 3, 26), 86),
        ("2016-07-01", "purge", date(2016, 3, 27), date(2016, 3, 31), 5),
        ("2016-07-01", "valid", date(2016, 4, 1), date(2016, 6, 25), 86),
        ("2016-07-01", "purge", date(2016, 6, 26), date(2016, 6, 30), 5),
        ("2016-07-01", "test", date(2016, 7, 1), date(2016, 9, 30), 92),
    ]


def test_a_fold_too_short_for_an_interval_keeps_its_mean():
    short = made_information().filter(pl.col("segment") == "test").head(10)
    row = report.by_fold(short, "test", 5).row(0, named=True)
    assert row["mean"] is not None
    assert row["lower"] is None


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0414, "correlation", ".041"),
        (-0.0414, "correlation", "-.041"),
        (1.0, "correlation", "1.000"),
        (-0.0001, "correlation", ".000"),
        (0.031, "simple return a year", "+3.10%"),
        (0.5152, "share", "51.52%"),
        (1234567.8, "yuan", "1,234,568"),
        (0.714, "per session", "0.71"),
        (None, "yuan", "-"),
    ],
)
def test_numbers_are_shown_in_the_manner_of_their_unit(value, unit, text):
    assert report.shown(value, unit) == text
