"""Trial ledger: what makes another trial and what does not, and a ledger that lost something refuses."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from assets.evaluation.trials import Trial, TrialReturns
from assets.folds.walk_forward import folds
from assets.hash_chain import BrokenChainError
from assets.sources.files import FilesSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from pipelines.declared import declared
from pipelines.experiment import Experiment
from pipelines.tracking import Tracking
from pipelines.trial_ledger import TrialLedger, trial_of
from pipelines.trial_mirror import scored_family, tags_of

SETTINGS = {
    "name": "study",
    "question": "Does the line foretell anything?",
    "features": ["price_window"],
    "model": {"kind": "linear"},
    "walk_forward": {"first_test": "2015-07-01", "train": "24mo", "valid": "6mo", "test": "6mo"},
}
SPAN = (date(2012, 1, 1), date(2016, 12, 31))
SHARES = FilesSpec(folder=Path("/somewhere/shares"))


@pytest.fixture(scope="module")
def tables():
    return declared(None)


@pytest.fixture
def made(tables):
    def of(source=SHARES, span=SPAN, **changes: object) -> Trial:
        experiment = Experiment.model_validate({**SETTINGS, **changes})
        features = {name: tables[f"features/{name}"] for name in experiment.features}
        return trial_of(experiment, features, source, folds(experiment.walk_forward, *span))

    return of


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    folder = tmp_path_factory.mktemp("mlflow")
    return Tracking(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


def daily(level: float = 0.001, count: int = 5) -> pl.DataFrame:
    days = pl.date_range(date(2015, 7, 1), date(2015, 12, 31), eager=True).head(count)
    return pl.DataFrame({"session": days, "excess_return": [None, *[level] * (count - 1)], "nav": 1.0})


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "another", "question": "Is the same asked in other words?"},
        {"training": {"seeds": 9}},
        {"training": {"threads": None}},
        {"source": FilesSpec(folder=Path("/elsewhere/shares"))},
        {"span": (SPAN[0], date(2018, 12, 31))},
        {"model": {"kind": "linear", "look_back": 1}},
    ],
)
def test_another_name_seed_fold_or_place_and_a_default_that_is_written_out_is_the_same_trial(made, changes):
    default = made().model_dump() if "model" not in changes else made(model={"kind": "linear", "look_back": 1})
    assert made(**changes).id == (default["id"] if isinstance(default, dict) else default.id)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"kind": "linear", "look_back": 7}},
        {"model": {"kind": "lstm"}},
        {"loss": {"kind": "huber"}},
        {"features": ["price_window", "price_volume"]},
        {"normalisation": "none"},
        {"training": {"max_epochs": 3}},
        {"universe": {"basket": ["sh600000", "sh600004"]}},
        {"target": {"horizon": 10}},
        {"decided_hour": 19},
        {"walk_forward": {**SETTINGS["walk_forward"], "train": "12mo"}},
        {"trading": {"top_k": 7}},
        {"source": FilesSpec(folder=Path("/somewhere/others"))},
        {"source": SyntheticMarketSpec()},
    ],
)
def test_whatever_else_decides_the_answer_is_another_trial(made, changes):
    assert made(**changes).id != made().id


def test_a_feature_or_a_model_that_was_written_anew_is_another_trial_and_a_comment_is_not(made, monkeypatch):
    before, read = made(), Path.read_bytes
    from pipelines import code_version

    for module, text, same in (
        ("price_window", "\n# a comment\n", True),
        ("price_window", "\nANEW = 1\n", False),
        ("linear", "\nANEW = 1\n", False),
        ("price_volume", "\nANEW = 1\n", True),
    ):

        def changed(path: Path, module=module, text=text) -> bytes:
            return read(path) + (text.encode() if (path.stem, path.suffix) == (module, ".py") else b"")

        with monkeypatch.context() as patch:
            for cached in (code_version.code_version, code_version.source_path, code_version._reading):
                cached.cache_clear()
            patch.setattr(Path, "read_bytes", changed)
            assert (made().id == before.id) is same, (module, text)
    for cached in (code_version.code_version, code_version.source_path, code_version._reading):
        cached.cache_clear()


def test_a_feature_group_with_other_settings_of_its_own_is_another_trial(made, tables, monkeypatch):
    before = made()
    monkeypatch.setitem(tables, "features/price_window", replace(tables["features/price_window"], settings="other"))
    assert made().id != before.id


def test_a_trial_names_its_source_its_basket_and_the_span_of_its_test_windows(made):
    trial = made(universe={"basket": ["sh600004", "sh600000"]})
    assert (trial.source, trial.basket) == ("shares", ("sh600000", "sh600004"))
    assert (trial.first_test, trial.last_test) == (date(2015, 7, 1), date(2016, 12, 31))


def test_a_trial_is_entered_once_and_its_returns_are_stored_by_their_content(made, tmp_path):
    ledger, trial = TrialLedger(tmp_path), made()
    ledger.enter(trial, "study")
    ledger.enter(made(name="renamed"), "renamed")
    assert len(ledger.chain.read()) == 1
    assert (ledger.family(trial).trials, ledger.family(trial).failed) == (1, 1)
    assert ledger.family(trial).returns.is_empty()
    for level in (0.001, 0.001, 0.002):
        ledger.score(trial, daily(level))
    assert len(ledger.chain.read()) == 3
    family = ledger.family(trial)
    assert (family.trials, family.failed) == (1, 0)
    assert TrialReturns.validate(family.returns)["excess_return"].to_list() == [0.002] * 4
    assert family.returns["trial_id"].unique().to_list() == [trial.id]


def test_a_trial_that_failed_counts_and_one_of_other_sessions_does_not(made, tmp_path):
    ledger = TrialLedger(tmp_path)
    later = {**SETTINGS["walk_forward"], "first_test": "2017-01-01"}
    own = made()
    other, elsewhere = made(trading={"top_k": 7}), made(walk_forward=later, span=(SPAN[0], date(2018, 12, 31)))
    for trial in (own, other, elsewhere):
        ledger.enter(trial, "study")
    ledger.score(own, daily())
    family = ledger.family(own)
    assert (family.trials, family.failed) == (2, 1)
    assert ledger.family(elsewhere).trials == 1


def test_a_trial_that_reaches_further_stays_one_trial(made, tmp_path):
    ledger, further = TrialLedger(tmp_path), made(span=(SPAN[0], date(2018, 12, 31)))
    ledger.enter(made(), "study")
    ledger.enter(further, "study")
    assert len(ledger.chain.read()) == 2
    members = ledger.family(made()).members
    assert members["last_test"].to_list() == [date(2018, 12, 31)]


def test_returns_that_are_gone_or_were_edited_are_refused(made, tmp_path):
    ledger, trial = TrialLedger(tmp_path), made()
    ledger.enter(trial, "study")
    ledger.score(trial, daily())
    (path,) = (tmp_path / "returns" / trial.id).iterdir()
    kept = pl.read_parquet(path)
    kept.with_columns(excess_return=pl.col("excess_return") * 2).write_parquet(path)
    with pytest.raises(BrokenChainError, match=rf"{path.name}, the returns of .*, is not what was written"):
        ledger.family(trial)
    path.unlink()
    with pytest.raises(BrokenChainError, match=r"is gone"):
        ledger.family(trial)
    ledger.score(trial, daily())
    assert ledger.family(trial).failed == 0


def test_an_unknown_trial_has_no_family(made, tmp_path):
    with pytest.raises(BrokenChainError, match="has no entry of the trial"):
        TrialLedger(tmp_path).family(made())


def opened(tracking: Tracking, ledger: TrialLedger, trial: Trial, name: str) -> str:
    """A parent run that mirrors the entry of a trial."""
    run = tracking.open_run(name, name, {"walk_forward_id": trial.id, "level": "walk_forward", "at": name}, {})
    tracking.tag(run, tags_of(*ledger.enter(trial, name), trial))
    return run


def test_the_number_of_trials_is_the_same_after_runs_are_deleted_for_good_and_names_changed(made, tracking, tmp_path):
    ledger, own, other = TrialLedger(tmp_path), made(), made(trading={"top_k": 7})
    runs = [opened(tracking, ledger, trial, "mirrored") for trial in (own, other)]
    before, elsewhere = scored_family(ledger, tracking, own, "mirrored", daily())
    assert (before.trials, before.failed, elsewhere) == (2, 1, 0)
    for run in runs:
        tracking.client.delete_run(run)
    after, _ = scored_family(ledger, tracking, made(name="renamed", question="Asked otherwise?"), "renamed", daily())
    assert (after.trials, after.failed) == (2, 1)
    assert after.members.equals(before.members)


def test_a_ledger_that_was_put_back_to_an_older_one_is_refused_while_a_run_tells(made, tracking, tmp_path):
    ledger, own, other = TrialLedger(tmp_path), made(), made(trading={"top_k": 9})
    opened(tracking, ledger, own, "older")
    kept = {path: path.read_bytes() for path in (ledger.chain.path, ledger.chain.head_path)}
    told = opened(tracking, ledger, other, "newer")
    for path, content in kept.items():
        path.write_bytes(content)
    with pytest.raises(BrokenChainError, match=f"put back to an older one.*the trial {other.id} was entered"):
        scored_family(ledger, tracking, own, "older", daily())
    tracking.client.delete_run(told)
    assert scored_family(ledger, tracking, own, "older", daily())[0].trials == 1


def test_a_ledger_that_is_gone_is_refused_for_what_was_entered_and_counted_as_another_once_begun_anew(
    made, tracking, tmp_path
):
    lost, begun = TrialLedger(tmp_path / "lost"), TrialLedger(tmp_path / "begun")
    own, other = made(trading={"top_k": 11}), made(trading={"top_k": 12})
    for trial in (own, other):
        opened(tracking, lost, trial, "lost")
    with pytest.raises(BrokenChainError, match=r"no entry of .*Then materialise experiments/lost/forecasts"):
        scored_family(begun, tracking, own, "lost", daily())
    opened(tracking, begun, own, "lost")
    family, elsewhere = scored_family(begun, tracking, own, "lost", daily())
    assert family.trials == 1
    assert elsewhere >= 1


def test_what_was_trained_before_there_was_a_ledger_is_entered_when_it_is_reported(made, tracking, tmp_path):
    ledger, trial = TrialLedger(tmp_path), made(trading={"top_k": 13})
    family, _ = scored_family(ledger, tracking, trial, "early", daily())
    assert (family.trials, family.failed) == (1, 0)


def test_a_text_written_anew_whose_forecasts_nobody_made_again_stays_the_trial_that_it_was(made, tracking, tmp_path):
    ledger, trial = TrialLedger(tmp_path), made(trading={"top_k": 14})
    scored_family(ledger, tracking, trial, "tidied", daily())
    tidied = trial.model_copy(update={"id": "tidied"})
    assert scored_family(ledger, tracking, tidied, "tidied", daily())[0].trial == trial
    assert scored_family(ledger, tracking, tidied, "tidied", daily(0.5))[0].trials == 2
    basket = tidied.model_copy(update={"id": "narrow", "basket": ("sh600000",)})
    assert scored_family(ledger, tracking, basket, "tidied", daily())[0].trials == 3


def test_a_trial_that_earned_on_no_session_counts_as_failed_and_is_no_other_s_equal(made, tracking, tmp_path):
    ledger, nothing = TrialLedger(tmp_path), daily().filter(pl.col("excess_return").is_null())
    for place, top_k in enumerate((15, 16), start=1):
        family, _ = scored_family(ledger, tracking, made(trading={"top_k": top_k}), "nothing", nothing)
        assert (family.trials, family.failed) == (place, place)
