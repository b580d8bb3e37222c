"""The trial ledger on a small market, as a user runs it: nothing that is done to runs or names changes the count."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import yaml
from mlflow import MlflowClient

sys.path.insert(0, str(Path(__file__).parent))
from scratch import Scratch, make_scratch

from assets.evaluation.trials import Entered, Family, records_of
from benchmarks.leak_zoo.planting import Copy
from pipelines.trial_ledger import TrialLedger
from pipelines.trial_mirror import PREFIX, SHORT

MARKET = {"seed": 142, "securities": 44, "sessions": 300, "first": "2014-01-02"}
WALK_FORWARD = {"first_test": "2015-01-01", "train": "9mo", "valid": "2mo", "test": "2mo"}
pytestmark = pytest.mark.slow


class Home(Scratch):
    """A scratch project, its ledger and its tracking store."""

    @property
    def ledger(self) -> TrialLedger:
        return TrialLedger(self.folder / ".kindling" / "trials")

    @property
    def family(self) -> Family:
        """The family of the trial that was entered first."""
        first = next(record for record in records_of(self.ledger.chain.read()) if isinstance(record, Entered))
        return self.ledger.family(first.trial)

    @property
    def store(self) -> str:
        return f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.store)

    def page(self, name: str) -> str:
        return (self.home / "reports" / name / "report.html").read_text()

    def ask(self, name: str, **changes: object) -> None:
        """Leave one experiment, of this name."""
        shutil.rmtree(self.folder / "experiments")
        self.write_experiment(name, **{"walk_forward": WALK_FORWARD, **changes})

    def forget_report(self, name: str) -> None:
        shutil.rmtree(self.home / "warehouse" / "experiments" / name / "report")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(make_scratch(tmp_path_factory.mktemp("trials")).folder)
    Copy(home.folder).keep_only(())
    (home.folder / "market.yaml").write_text(yaml.safe_dump(MARKET))
    home.ask("ridge_small")
    done = home.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture
def kept(home: Home) -> Iterator[Path]:
    """The ledger's folder, put back as it was afterwards."""
    folder, copy = home.ledger.folder, home.folder / "kept"
    shutil.copytree(folder, copy)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
    shutil.move(copy, folder)


def test_the_trial_is_entered_once_before_training_and_earned_what_its_portfolio_says(home: Home) -> None:
    kinds = [record.kind for record in records_of(home.ledger.chain.read())]
    assert kinds == ["entered", "scored"]
    assert (home.family.trials, home.family.failed) == (1, 0)
    earned = home.query("select session, excess_return from experiments.ridge_small__portfolio order by session")
    told = [row for row in earned if row[1] is not None]
    assert home.family.returns.select("session", "excess_return").rows() == told
    began = min(run.info.start_time for run in runs(home) if run.data.tags["level"] == "fold")
    assert home.family.members["entered_at"][0].timestamp() * 1000 <= began


def runs(home: Home) -> list:
    found = home.client.search_experiments()
    return list(home.client.search_runs([experiment.experiment_id for experiment in found]))


def test_the_entry_is_mirrored_to_the_parent_run(home: Home) -> None:
    (parent,) = [run for run in runs(home) if run.data.tags["level"] == "walk_forward"]
    chain = home.ledger.chain.read()
    trial = home.family.members["trial_id"][0]
    assert parent.data.tags[f"{PREFIX}{chain[0].hash[:SHORT]}.{trial}"] == chain[0].hash
    assert parent.data.tags["trial"] == trial


def test_the_report_tells_the_number_of_trials_and_the_holdout_in_its_header(home: Home) -> None:
    header = home.page("ridge_small").split("</header>")[0]
    assert "<b>1 trial in this family.</b>" in header
    assert "declares no sealed holdout" in header


def test_what_others_enter_makes_nothing_again(home: Home, kept: Path) -> None:
    (trial,) = [record.trial for record in records_of(home.ledger.chain.read()) if isinstance(record, Entered)]
    home.ledger.enter(trial.model_copy(update={"id": "another"}), "another")
    done = home.demo()
    assert done.returncode == 0, done.stderr
    assert "0 steps launched" in done.stdout


@pytest.mark.parametrize("cut", ["middle", "end", "edited", "file", "older"])
def test_a_chain_that_is_cut_stops_the_report(home: Home, kept: Path, cut: str) -> None:
    chain = home.ledger.chain
    lines = chain.path.read_text().splitlines(keepends=True)
    if cut == "file":
        shutil.rmtree(home.ledger.folder)
    else:
        left = {"middle": lines[1:], "end": lines[:-1], "older": lines[:-1], "edited": [lines[0].replace("ridge", "r")]}
        chain.path.write_text("".join(left[cut]))
    if cut == "older":
        shutil.rmtree(kept)
        (kept).mkdir()
        other = records_of(TrialLedger(home.folder / "kept").chain.read())[0]
        assert isinstance(other, Entered)
        home.ledger.enter(other.trial.model_copy(update={"id": "another"}), "another")
    before = home.page("ridge_small")
    home.forget_report("ridge_small")
    done = home.demo()
    assert done.returncode == 0 or "FAILED" in done.stdout
    said = {
        "file": "has no entry of the trial", "older": "has no entry of the trial", "middle": "does not follow",
        "end": "were cut off", "edited": "was changed",
    }[cut]  # fmt: skip
    assert "FAILED" in done.stdout, done.stdout
    assert said in done.stderr
    assert "Put both files back from a copy" in done.stderr
    assert home.page("ridge_small") == before
    assert not list((home.home / "warehouse" / "experiments" / "ridge_small" / "report").glob("all.parquet"))


def test_with_the_ledger_put_back_the_report_is_made_as_before(home: Home) -> None:
    done = home.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (home.family.trials, home.family.failed) == (1, 0)
    assert len(home.ledger.chain.read()) == 2


def test_runs_deleted_for_good_and_a_question_and_name_changed_leave_the_number_of_trials(home: Home) -> None:
    before, client = home.family, home.client
    for run in runs(home):
        client.delete_run(run.info.run_id)
    collected = home.run("-m", "mlflow", "gc", "--backend-store-uri", home.store, "--tracking-uri", home.store)
    assert collected.returncode == 0, collected.stderr
    home.ask("line_small", question="Is the same thing asked in quite other words?", training={"seeds": 2})
    done = home.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [run.data.tags["level"] for run in runs(home)].count("walk_forward") == 1
    assert home.family.members.equals(before.members)
    assert "<b>1 trial in this family.</b>" in home.page("line_small")


def test_another_configuration_is_another_trial_of_the_family_and_a_failed_one_counts(home: Home) -> None:
    (trial,) = [record.trial for record in records_of(home.ledger.chain.read()) if isinstance(record, Entered)]
    home.ledger.enter(trial.model_copy(update={"id": "failed"}), "failed")
    home.ask("line_small", trading={"top_k": 7, "hold_sessions": 5, "capital": 1_000_000})
    done = home.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (home.family.trials, home.family.failed) == (3, 1)
    assert "<b>3 trials in this family, 1 of them without stored returns.</b>" in home.page("line_small")
    sessions = home.family.returns.group_by("trial_id").agg(pl.len(), pl.col("excess_return").std())
    assert sessions.height == 2
    assert sessions["excess_return"].n_unique() == 2
    assert json.loads(home.ledger.chain.head_path.read_text())["links"] == 5
