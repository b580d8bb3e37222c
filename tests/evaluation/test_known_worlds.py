"""Known worlds: what was kept is told of the kind of model that it was measured on, and of no other."""

from dataclasses import replace
from pathlib import Path

from assets.evaluation.known_worlds import NOT_WALKED, KnownWorlds, read_record, told_of
from benchmarks.worlds import keep

LINE = KnownWorlds("linear", 20, 0.524, 19, 0.02, 5.1, 5, 0.612, 0.6, 0.624, 0.7, "abc1234")


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    both = [LINE, replace(LINE, model="lstm", null_z=-1.25)]
    keep(both, tmp_path / "known.csv")
    assert read_record(tmp_path / "known.csv") == {one.model: one for one in both}


def test_a_report_names_null_worlds_signal_worlds_and_the_commit(tmp_path: Path) -> None:
    keep([LINE], tmp_path / "known.csv")
    told = told_of("linear", tmp_path / "known.csv")
    assert "20 null worlds z +0.52, 19 of 20 intervals contain 0" in told
    assert "5 signal worlds recovery 0.61 [0.60, 0.62]" in told
    assert "abc1234" in told


def test_a_model_that_was_never_walked_says_how_to_do_it(tmp_path: Path) -> None:
    keep([LINE], tmp_path / "known.csv")
    assert told_of("another", tmp_path / "known.csv") == NOT_WALKED
    assert told_of("linear", tmp_path / "absent.csv") == NOT_WALKED
