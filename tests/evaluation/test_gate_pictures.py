from datetime import date, timedelta

import polars as pl
import pytest

from assets.evaluation import gate_pictures as pictures
from assets.evaluation.report import windows_of
from assets.folds.walk_forward import Fold
from expectations.decisions import decision_instant
from expectations.evidence import FUTURE_PERTURBATION

SESSIONS = pl.date_range(date(2014, 1, 1), date(2016, 12, 31), eager=True)
FOLD = Fold("2016-07-01", date(2014, 1, 1), date(2016, 1, 1), date(2016, 7, 1), date(2016, 12, 1))
WINDOWS = windows_of([FOLD], SESSIONS, 5)


def evidence(leak: str | None = None, decisions: int = 3) -> pl.DataFrame:
    rows = [
        {
            "decided_at": decision_instant(date(2016, 3, 1) + timedelta(days=number), 20),
            "table": table, "column": column, "rows_compared": 100, "worst_difference": 0.5 if table == leak else None,
            "passed": table != leak,
        }
        for number in range(decisions)
        for table in ("cleaning/bars", "features/x")
        for column in ("(rows)", "a")
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=FUTURE_PERTURBATION)


def zoo(*, caught: bool = True) -> pl.DataFrame:
    rows = [(1, "future function", "leakage", "future_perturbation", caught), (2, "centred window", None, None, False)]
    return pl.DataFrame(rows, schema=["leak", "name", "stage", "check", "caught"], orient="row")


DRAWN = {
    "fold_timeline": lambda: pictures.fold_timeline(WINDOWS),
    "evidence_by_asset": lambda: pictures.evidence_by_asset(evidence()),
    "caught_by": lambda: pictures.caught_by(zoo()),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_a_png_and_the_same_for_the_same_input(name):
    first = DRAWN[name]()
    assert first.startswith(b"\x89PNG")
    assert first == DRAWN[name]()


def test_a_longer_purge_a_changed_past_and_a_leak_that_slipped_through_are_seen():
    assert pictures.fold_timeline(windows_of([FOLD], SESSIONS, 6)) != pictures.fold_timeline(WINDOWS)
    assert pictures.evidence_by_asset(evidence("features/x")) != pictures.evidence_by_asset(evidence())
    assert pictures.caught_by(zoo(caught=False)) != pictures.caught_by(zoo())


def test_a_fold_without_a_window_and_a_table_not_tried_at_a_decision_leave_a_gap():
    assert pictures.fold_timeline(WINDOWS.filter(pl.col("segment") != "test"))
    gap = evidence(decisions=30).filter((pl.col("table") != "features/x") | (pl.col("decided_at").dt.day() % 2 == 0))
    assert pictures.evidence_by_asset(gap)


def test_the_sessions_of_a_boundary_are_those_of_its_purge():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    pictures._one_by_one(axes, WINDOWS, ["2016-07-01"], ("train", "valid"))
    colours = [bar.get_facecolor() for bar in axes.patches]
    assert len(colours) == 5 + 2 * pictures.NEAR
    assert colours.count(axes.patches[pictures.NEAR].get_facecolor()) == 5


def test_a_changed_past_is_red_and_counted_and_a_kept_one_is_neither():
    from matplotlib.colors import to_rgba
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    pictures._cells(axes, 0, [0, 1], [0, 3])
    kept, changed = axes.collections[0].get_facecolor()
    assert tuple(changed) == to_rgba(pictures.RED) != tuple(kept)
    assert [text.get_text() for text in axes.texts] == ["3"]
