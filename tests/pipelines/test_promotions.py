"""Seats in a ledger and in a real registry: who serves, why, and how one comes back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from assets.evaluation.promotion import NEW_SESSIONS
from assets.hash_chain import BrokenChainError
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.world import project_of
from models.linear import Linear, LinearSpec
from models.scaling import Scaler
from models.windows import TableLayout, Windows
from pipelines.experiment_assets import Walk
from pipelines.promotions import CHALLENGER, CHAMPION, holder_in_registry, judge, point, registered, seats_of
from pipelines.roll_back import main, roll_back
from pipelines.seed_runs import PYFUNC

SPEC = SyntheticMarketSpec(seed=142, securities=44, sessions=320)
SETTINGS = {
    "question": "Does the small market foretell anything?",
    "features": ["price_window"],
    "walk_forward": {"first_test": "2012-05-01", "train": "9mo", "valid": "2mo", "test": "2mo"},
    "trading": {"top_k": 5, "hold_sessions": 5, "capital": 1_000_000},
}
MODELS = {
    "line": {"kind": "linear", "look_back": 5},
    "network": {"kind": "lstm"},
    "trees": {"kind": "gradient_boosting"},
}
FIRST, SESSIONS, NAMES = date(2012, 5, 2), 120, 30
SEAT = registered(5)


@dataclass
class Market:
    """Three experiments with made-up forecasts: the share of each that is the return that comes."""

    home: Path
    walks: Mapping[str, Walk]
    skill: dict[str, float]
    sessions: int = SESSIONS

    def judge(self, *ranked: str) -> str:
        """Judge the seat with the experiments in this order of validation."""
        return judge(5, ranked, self.walks, self.frames(), {name: run_of(walk) for name, walk in self.walks.items()})

    def frames(self) -> dict[str, pl.LazyFrame]:
        rng = np.random.default_rng(7)
        days = [FIRST + timedelta(days=day) for day in range(self.sessions)]
        names = [f"sh{600000 + number}" for number in range(NAMES)]
        rows = pl.DataFrame({"session": days}).join(pl.DataFrame({"security_id": names}), how="cross")
        returns = rng.normal(0, 0.02, rows.height)
        label = pl.lit(pl.Series(returns))
        labels = rows.with_columns(
            horizon=pl.lit(5, pl.Int32), forward_return=label, paper_return=label, status=pl.lit("filled")
        )
        frames = {"labels": labels.lazy()}
        for name, skill in self.skill.items():
            forecast = pl.lit(pl.Series(skill * returns + rng.normal(0, 0.02, rows.height)))
            told = rows.with_columns(
                seed=pl.lit(0, pl.Int32), segment=pl.lit("test"), fold=pl.lit("2012-05-01"), forecast=forecast
            )
            earned = pl.DataFrame({"session": days, "excess_return": rng.normal(0.01 * skill, 0.005, self.sessions)})
            frames |= {f"{name}__forecasts": told.lazy(), f"{name}__portfolio": earned.lazy()}
        return frames

    def serving(self) -> str | None:
        return holder_in_registry(self.walks["line"].tracking, 5)

    def told(self) -> list[tuple[str, str]]:
        return [(seat.told, seat.holder) for seat in seats_of(self.walks["line"]).read(5)]


def walks_of(home: Path, **changes: Mapping[str, object]) -> Mapping[str, Walk]:
    folder = home / "experiments"
    folder.mkdir(exist_ok=True)
    for name, model in MODELS.items():
        settings = {**SETTINGS, "model": model, **changes.get(name, {})}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    return project_of(SPEC, home, folder).walks


def run_of(walk: Walk) -> str:
    return walk.run_of(walk.folds[-1].key, 0, "this")


def train(walk: Walk, home: Path) -> None:
    """Leave a run of the newest fold with a model, as training does."""
    identity = {**walk.identity, "level": "fold", "fold": walk.folds[-1].key, "seed": "0", "made_from": "this"}
    run = walk.tracking.open_run(walk.experiment.name, "fold", identity, {})
    model = Linear(
        LinearSpec(look_back=1), TableLayout(("a",), (), 1), Scaler(centre=(0.0,), scale=(1.0,), clip=5.0), np.ones(1)
    )
    model.save(home / run)
    example = Windows(np.zeros((1, 1, 1), dtype=np.float32), np.array(["sh600000"]), np.zeros(1, dtype=np.intp))
    walk.tracking.log_model(run, home / run, PYFUNC, example.named())


@pytest.fixture
def market(tmp_path: Path) -> Market:
    walks = walks_of(tmp_path)
    for walk in walks.values():
        train(walk, tmp_path)
    return Market(tmp_path, walks, {"line": 0.1, "network": 0.1, "trees": 0.1})


def test_the_first_champion_is_a_simple_model_and_another_must_earn_the_seat(market: Market) -> None:
    said = market.judge("network", "trees", "line")
    assert said.startswith("champion trees; not told apart from the champion")
    assert market.told() == [("seated", "trees"), ("kept", "trees")]
    assert market.serving() == "trees"
    challenger = market.walks["line"].tracking.pointed_at(SEAT, CHALLENGER)
    assert challenger is not None
    assert challenger.tags["experiment"] == "network"


def test_a_better_one_is_promoted_and_one_command_rolls_back(
    market: Market, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    market.skill["network"] = 1.0
    assert "better by" in market.judge("network", "trees", "line")
    assert market.serving() == "network"
    seats, tracking = seats_of(market.walks["line"]), market.walks["line"].tracking
    back = roll_back(seats, tracking, 5, None, "its orders looked wrong")
    assert (back.holder, back.reason, market.serving()) == ("trees", "its orders looked wrong", "trees")
    # Made again without news nothing moves: the one who lost the seat waits for new sessions.
    assert "network waits for new test sessions: 0 of 60" in market.judge("network", "trees", "line")
    assert market.serving() == "trees"
    market.sessions += NEW_SESSIONS
    assert "better by" in market.judge("network", "trees", "line")
    assert market.told() == [
        ("seated", "trees"), ("promoted", "network"), ("rolled back", "trees"), ("promoted", "network"),
    ]  # fmt: skip
    monkeypatch.setenv("KINDLING_MARKET", "synthetic_market")
    monkeypatch.setenv("KINDLING_TRIALS", str(market.home / "trials"))
    assert main(["--reason", "no seat in this market"]) == 2
    assert "no champion of synthetic_market" in capsys.readouterr().err


def test_only_an_earlier_champion_can_come_back(market: Market) -> None:
    market.judge("trees", "network", "line")
    seats, tracking = seats_of(market.walks["line"]), market.walks["line"].tracking
    with pytest.raises(ValueError, match="trees has been champion of horizon 5 from the beginning"):
        roll_back(seats, tracking, 5, None, "why not")
    market.skill["line"] = 1.0
    market.judge("line", "trees", "network")
    with pytest.raises(ValueError, match=r"network was not champion of horizon 5; those before line were \['trees'\]"):
        roll_back(seats, tracking, 5, "network", "why not")
    assert market.serving() == "line"


def test_an_alias_that_was_moved_by_hand_is_followed_and_stays(market: Market) -> None:
    market.judge("trees", "line", "network")
    tracking = market.walks["line"].tracking
    point(market.walks["line"], CHALLENGER, run_of(market.walks["line"]))
    by_hand = tracking.pointed_at(SEAT, CHALLENGER)
    assert by_hand is not None
    tracking.point(SEAT, CHAMPION, str(by_hand.version))
    market.judge("trees", "line", "network")
    assert ("rolled back", "line") in market.told()
    assert market.serving() == "line"


def test_the_champion_serves_its_newest_model_once_there_is_one(market: Market) -> None:
    market.judge("trees", "line", "network")
    tracking = market.walks["line"].tracking
    first = tracking.pointed_at(SEAT, CHAMPION)
    train(market.walks["trees"], market.home)  # the same run goes on
    market.judge("trees", "line", "network")
    again = tracking.pointed_at(SEAT, CHAMPION)
    assert first is not None
    assert again is not None
    assert first.version == again.version
    changed = walks_of(market.home, trees={"target": {"horizon": 5}, "decided_hour": 21})
    train(changed["trees"], market.home)
    market.walks = changed
    market.judge("trees", "line", "network")
    assert market.told()[-2:] == [("kept", "trees"), ("seated", "trees")]
    now = tracking.pointed_at(SEAT, CHAMPION)
    assert now is not None
    assert (int(now.version), now.tags["trial"]) == (3, changed["trees"].trial.id)


def test_a_champion_that_is_asked_no_more_leaves_its_seat(market: Market) -> None:
    market.judge("trees", "line", "network")
    assert market.judge("line", "network").startswith("champion line")
    assert ("seated", "line") in market.told()


def test_an_attempt_that_is_taken_out_of_the_ledger_is_seen(market: Market) -> None:
    market.judge("trees", "line", "network")
    path = seats_of(market.walks["line"]).chain.path
    lines = path.read_text().splitlines(keepends=True)
    assert json.loads(lines[-1])
    path.write_text("".join(lines[:-1]))
    with pytest.raises(BrokenChainError, match="cut or was edited"):
        market.judge("trees", "line", "network")
