"""Trials of a walk: on a small market with a store of its own, nothing done to runs or names changes their number."""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import yaml

from assets.evaluation import information as informing
from assets.evaluation.capacity import Capacity
from assets.evaluation.depth import Depth
from assets.evaluation.trials import Entered, Family, records_of
from assets.hash_chain import BrokenChainError
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.world import project_of, tables_of
from expectations.evidence import FUTURE_PERTURBATION
from expectations.tables import Bars, Calendar, ForwardReturns, RefusedBars, Universe
from pipelines import experiment_assets, lineage, report_assets
from pipelines.experiment_assets import Walk, forecast_fold, open_walk_forward
from pipelines.inputs import argument
from pipelines.project import Project
from pipelines.report_assets import report
from pipelines.trial_ledger import TrialLedger
from pipelines.trial_mirror import PREFIX, SHORT

SPEC = SyntheticMarketSpec(seed=142, securities=44, sessions=320)
SETTINGS = {
    "question": "Does the small market foretell anything?",
    "features": ["price_window"],
    "model": {"kind": "linear", "look_back": 5},
    "walk_forward": {"first_test": "2012-05-01", "train": "9mo", "valid": "2mo", "test": "2mo"},
    "trading": {"top_k": 5, "hold_sessions": 5, "capital": 1_000_000},
}
GATE = "gate/data"
Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Context:
    """As much of a Dagster context as a fold and a report ask for."""

    asset_key: dg.AssetKey
    partition_key: str | None = None
    instance: None = None
    run_id: str = "test"
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("test"))

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Nobody reads it."""


@dataclass(frozen=True)
class World:
    """A market, its tables, and one home for whatever is asked of it."""

    home: Path
    tables: Frames

    def walk(self, name: str, **changes: object) -> Walk:
        """The experiment of that name over the market."""
        (walk,) = self.project(name, **changes).walks.values()
        return walk

    def project(self, name: str, **changes: object) -> Project:
        folder = self.home / "experiments" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**SETTINGS, **changes}))
        return project_of(SPEC, self.home, folder)

    def trained(self, walk: Walk) -> dict[str, pl.DataFrame]:
        """The walk-forward opened and every fold of it trained."""
        opened = open_walk_forward(walk)
        frames = {name: self.tables[key].lazy() for name, key in walk.tables.items()}
        given = {**frames, "walk_forward": opened.lazy(), argument(GATE): passed().lazy()}
        key = dg.AssetKey(f"{walk.key}/forecasts".split("/"))
        parts = [forecast_fold(walk, Context(key, fold.key), given, (GATE,)) for fold in walk.folds]
        return {"walk_forward": opened, "forecasts": pl.concat(parts)}

    def report(self, walk: Walk, made: Frames) -> str:
        """The page of the report, made of what `trained` returned."""
        horizon, forecasts = walk.experiment.target.horizon, made["forecasts"]
        labels = self.tables[ForwardReturns.asset_key].filter(pl.col("horizon") == horizon)
        told = {
            **made,
            "information": informing.information(forecasts, labels, horizon),
            "seed_information": informing.seed_information(forecasts, labels, horizon),
            "deciles": informing.deciles(forecasts, labels, horizon),
            "depth": Depth.create_empty(),
            "capacity": Capacity.create_empty(),
            "bars": self.tables[Bars.asset_key],
            "universe": self.tables[Universe.asset_key],
            "calendar": self.tables[Calendar.asset_key],
            "refused": self.tables[RefusedBars.asset_key],
            "counts": pl.DataFrame({"rows_raw": [1], "rows_kept": [1]}),
            "perturbation": pl.DataFrame(schema=FUTURE_PERTURBATION),
            argument(GATE): passed(),
        }
        frames = {name: frame.lazy() for name, frame in told.items()}
        reports = self.home / "reports"
        report(walk, Context(dg.AssetKey(["report"])), frames, (GATE,), reports, self.home / "data_docs")
        return (reports / walk.experiment.name / "report.html").read_text()

    @property
    def ledger(self) -> TrialLedger:
        return TrialLedger(self.home / "trials")

    @property
    def family(self) -> Family:
        """The family of the trial that was entered first."""
        first = records_of(self.ledger.chain.read())[0]
        assert isinstance(first, Entered)
        return self.ledger.family(first.trial)


def passed() -> pl.DataFrame:
    """A verdict that looked at nothing: the gate has tests of its own."""
    row = {"stage": "data", "passed": True, "failures": "", "expectations": 1, "evidence_hash": "ab", "judged": "{}"}
    return pl.DataFrame([row])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("walk")
    with pytest.MonkeyPatch.context() as patch:
        for module in (experiment_assets, report_assets):
            patch.setattr(module, "require", lambda *_: None)
        patch.setattr(lineage, "read_stamps", lambda *_: {})
        (walk,) = World(home, {}).project("line").walks.values()
        asked = [ForwardReturns, Bars, Universe, Calendar, RefusedBars]
        tables = tables_of(SPEC, {*walk.tables.values(), *(table.asset_key for table in asked)})
        yield World(home, tables)


@pytest.fixture(scope="module")
def first(world: World) -> tuple[Walk, dict[str, pl.DataFrame], str]:
    """The first experiment, what was trained of it, and the page of its report."""
    walk = world.walk("line")
    made = world.trained(walk)
    return walk, made, world.report(walk, made)


@pytest.fixture
def kept(world: World, tmp_path: Path) -> Iterator[None]:
    """The ledger is put back as it was afterwards."""
    shutil.copytree(world.ledger.folder, tmp_path / "kept")
    yield
    shutil.rmtree(world.ledger.folder, ignore_errors=True)
    shutil.copytree(tmp_path / "kept", world.ledger.folder)


def parents(walk: Walk) -> list[dict[str, str]]:
    """Tags of the parent runs of an experiment."""
    client = walk.tracking.client
    found = client.search_runs([walk.tracking.experiment_id(walk.experiment.name)], "tags.level = 'walk_forward'")
    return [run.data.tags for run in found]


def test_a_trial_is_entered_before_its_first_run_and_its_returns_are_those_of_its_portfolio(world, first):
    walk, made, page = first
    assert len(walk.folds) > 1
    assert [record.kind for record in records_of(world.ledger.chain.read())] == ["entered", "scored"]
    assert (world.family.trials, world.family.failed) == (1, 0)
    tables = (world.tables[table.asset_key] for table in (Bars, Universe))
    daily = report_assets.traded(walk.experiment, made["forecasts"], *tables, "test").daily
    earned = daily.select("session", "excess_return").drop_nulls()
    assert world.family.returns.select("session", "excess_return").equals(earned)
    client = walk.tracking.client
    folds = client.search_runs([walk.tracking.experiment_id("line")], "tags.level = 'fold'")
    began = min(run.info.start_time for run in folds)
    assert world.family.members["entered_at"][0].timestamp() * 1000 <= began
    header = page.split("</header>")[0]
    assert "<b>1 trial in this family.</b>" in header
    assert "declares no sealed holdout." in header
    assert "this one<td class=text>line<td" in page


def test_the_entry_is_mirrored_to_the_parent_run(world, first):
    (tags,) = parents(first[0])
    chain = world.ledger.chain.read()
    assert tags["trial"] == first[0].trial.id
    assert tags[f"{PREFIX}{chain[0].hash[:SHORT]}.{tags['trial']}"] == chain[0].hash


def test_the_same_walk_and_report_again_change_nothing_but_what_was_asked_for(world, first):
    walk, made, page = first
    before = world.ledger.chain.read()
    again = world.trained(walk)
    assert again["forecasts"].equals(made["forecasts"])
    assert world.report(walk, again) == page
    assert world.ledger.chain.read() == before


def test_what_the_ledger_holds_is_part_of_no_version(world, first, kept):
    versions = [{key: node.code_version for key, node in world.project("line").graph.lineage.nodes.items()}]
    world.ledger.enter(first[0].trial.model_copy(update={"id": "another"}), "another")
    versions.append({key: node.code_version for key, node in world.project("line").graph.lineage.nodes.items()})
    assert versions[0] == versions[1]


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("first", "link 1 of 1 does not follow"),
        ("last", "links 2 to 2 were cut off"),
        ("edited", "link 1 of 2 was changed"),
        ("all", "has no entry of the trial .* which a run of line says was entered"),
        ("older", "has no entry of the trial"),
        ("returns", "the returns of the trial .* is gone"),
    ],
)
def test_a_chain_that_was_cut_stops_the_report_and_the_page_stays(world, first, kept, cut, said):
    walk, made, _ = first
    chain, trial = world.ledger.chain, walk.trial
    lines = chain.path.read_text().splitlines(keepends=True)
    if cut in ("all", "older"):
        shutil.rmtree(world.ledger.folder)
    if cut == "older":
        world.ledger.enter(trial.model_copy(update={"id": "another"}), "another")
    if cut == "returns":
        # What is stored again would be found: another member of the family lost its own.
        other = trial.model_copy(update={"id": "other"})
        world.ledger.enter(other, "other")
        world.ledger.score(other, world.family.returns)
        shutil.rmtree(world.ledger.folder / "returns" / "other")
    changed = {"first": lines[1:], "last": lines[:1], "edited": [lines[0].replace("line", "lime"), lines[1]]}
    if cut in changed:
        chain.path.write_text("".join(changed[cut]))
    page = world.home / "reports" / "line" / "report.html"
    before = page.stat().st_mtime_ns
    with pytest.raises(BrokenChainError, match=said) as refused:
        world.report(walk, made)
    assert "put both files back from a copy" in str(refused.value)
    assert page.stat().st_mtime_ns == before


def test_a_chain_that_was_cut_stops_training_before_any_run_of_it(world, first, kept):
    world.ledger.chain.path.write_text("")
    other = world.walk("other", trading={**SETTINGS["trading"], "top_k": 9})
    with pytest.raises(BrokenChainError, match="links 1 to 2 were cut off"):
        world.trained(other)
    assert not other.tracking.client.search_runs([other.tracking.experiment_id("other")], "tags.level = 'fold'")


def test_runs_deleted_and_collected_and_a_question_asked_otherwise_leave_the_number_of_trials(world, first):
    from click.testing import CliRunner
    from mlflow.cli import gc

    walk, before = first[0], world.family
    client, uri = walk.tracking.client, walk.tracking.uri
    experiments = [found.experiment_id for found in client.search_experiments()]
    deleted = [run.info.run_id for run in client.search_runs(experiments)]
    for run in deleted:
        client.delete_run(run)
    done = CliRunner().invoke(gc, ["--backend-store-uri", uri, "--tracking-uri", uri, "--run-ids", ",".join(deleted)])
    assert done.exit_code == 0, done.output
    renamed = world.walk("renamed", question="Is the same thing asked in quite other words?", training={"seeds": 2})
    page = world.report(renamed, world.trained(renamed))
    assert len(parents(renamed)) == 1
    assert "<b>1 trial in this family.</b>" in page
    assert world.family.members.equals(before.members)
    assert world.family.returns.equals(before.returns)


def test_another_configuration_is_another_trial_and_one_that_failed_counts(world, first):
    world.ledger.enter(first[0].trial.model_copy(update={"id": "failed"}), "failed")
    other = world.walk("other", trading={**SETTINGS["trading"], "top_k": 9})
    page = world.report(other, world.trained(other))
    assert "<b>3 trials in this family, 1 of them without stored returns.</b>" in page
    assert (world.family.trials, world.family.failed) == (3, 1)
    assert world.family.returns["trial_id"].n_unique() == 2
    assert json.loads(world.ledger.chain.head_path.read_text())["links"] == 5
