"""Suitability: an experiment is refused by name where its feature groups cannot give what it asks."""

from datetime import date
from pathlib import Path
from typing import ClassVar

import dataframely as dy
import pytest

from assets.folds.walk_forward import folds
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations, table
from expectations.fact_tables import News
from expectations.tables import Bars, Keyed
from pipelines.declared import STAGES, modules_of
from pipelines.experiment import Experiment
from pipelines.project import load_project
from pipelines.settings import Settings
from pipelines.suitability import objections, reads_facts

SOUND = {
    "question": "Does the line foretell anything?",
    "features": ["price_window", "price_volume"],
    "model": {"kind": "linear"},
    "walk_forward": {"first_test": "2015-07-01", "train": "24mo", "valid": "6mo", "test": "6mo"},
}


class Told(Keyed):
    """A planted group of news."""

    asset_key: ClassVar[str] = "features/told"

    pieces = dy.Int64()
    words = dy.Int64()


class Echo(Keyed):
    """A planted group that reads the other one."""

    asset_key: ClassVar[str] = "features/echo"

    pieces_twice = dy.Int64()


@table()
def told(news: dy.LazyFrame[News], bars: dy.LazyFrame[Bars]) -> dy.LazyFrame[Told]:
    """Planted."""
    raise NotImplementedError


@table()
def echo(told: dy.LazyFrame[Told]) -> dy.LazyFrame[Echo]:
    """Planted."""
    raise NotImplementedError


TABLES = {**declarations(*modules_of(STAGES)), "features/told": told.table, "features/echo": echo.table}


def check(**changes: object) -> None:
    """Raise the first objection, as a project does that has no other experiment."""
    study = Experiment.model_validate({"name": "study", **SOUND, **changes})
    for objection in objections(study, TABLES, lambda spec: folds(spec, date(2012, 1, 1), date(2017, 12, 31))):
        raise ValueError(objection)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("features/price_window", False),
        ("features/price_volume", False),
        ("features/told", True),
        ("features/echo", True),
        ("cleaning/universe", True),
        ("cleaning/bars", False),
    ],
)
def test_a_table_rests_on_facts_by_itself_or_through_what_it_reads(key: str, expected: bool) -> None:
    assert reads_facts(TABLES[key], TABLES) is expected


@pytest.mark.parametrize("group", ["told", "echo"])
def test_a_group_of_dated_facts_is_refused_for_a_decision_before_they_were_read(group: str) -> None:
    for hour in (20, 23):
        check(features=["price_window", group], decided_hour=hour)
    check(decided_hour=16)
    words = rf"decided_hour is 19, and the feature groups \['{group}'\] hold facts .* at 20:00; allowed"
    with pytest.raises(ValueError, match=words):
        check(features=["price_window", group], decided_hour=19)


def test_a_rule_for_a_group_that_the_experiment_has_not_is_refused() -> None:
    check(normalisation={"price_volume": "rank"})
    with pytest.raises(ValueError, match=r"normalisation names \['told'\]; allowed: 'default'"):
        check(normalisation={"told": "rank"})


def test_returns_that_a_model_adds_up_over_a_window_must_stay_returns() -> None:
    with pytest.raises(ValueError, match=r"'price_window' is rank.*normalisation: {default: rank, price_window: mark"):
        check(normalisation="rank")
    check(normalisation={"default": "rank", "price_window": "market_neutral"})
    check(normalisation="industry_neutral")
    check(normalisation="rank", model={"kind": "lstm"})


def test_a_projection_of_a_strange_a_sequence_or_a_narrow_group_is_refused() -> None:
    check(projection={"price_volume": {"components": 13}})
    with pytest.raises(ValueError, match=r"projection names \['told'\]; allowed: the feature groups of the experim"):
        check(projection={"told": {}})
    with pytest.raises(ValueError, match="projection names 'price_window', which is a sequence"):
        check(projection={"price_window": {"components": 2}})
    with pytest.raises(ValueError, match="components is 14, and the group has 14 columns; allowed: 1 to 13"):
        check(projection={"price_volume": {"components": 14}})


def test_an_unknown_feature_group_is_named_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match=r"unknown groups \['momentun'\]; known: \['alpha158', 'correlation', 'echo'"):
        check(features=["momentun"])


def test_an_unknown_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match=r"horizon is 4; allowed: \(1, 3, 5, 10\)"):
        check(target={"horizon": 4})


def test_windows_outside_the_source_are_refused() -> None:
    with pytest.raises(ValueError, match=r"walk_forward: first_test 2012-06-01 leaves no training data"):
        check(walk_forward={**SOUND["walk_forward"], "first_test": "2012-06-01"})


def test_the_project_asks_when_it_is_loaded(tmp_path: Path) -> None:
    experiments = tmp_path / "experiments"
    experiments.mkdir()
    (experiments / "study.yaml").write_text(
        "question: Does the line foretell anything?\nfeatures: [price_window]\nnormalisation: rank\n"
        "model: {kind: linear}\nwalk_forward: {first_test: 2015-07-01, train: 24mo, valid: 6mo, test: 6mo}\n"
    )
    settings = Settings(
        "synthetic_market", "m", SyntheticMarketSpec(), tmp_path, str(tmp_path / "w"), "sqlite://", experiments
    )
    with pytest.raises(ValueError, match=r"study.yaml: normalisation of 'price_window' is rank"):
        load_project(settings)
