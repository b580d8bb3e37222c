"""Statistics: the quick anchors hold, and one that does not is told."""

import pytest

from benchmarks.anchor import Anchor
from benchmarks.anchors_of_metrics import anchors as of_metrics
from benchmarks.anchors_of_overfitting import anchors as of_overfitting
from benchmarks.coverage import coverage, coverage_of_overlap
from benchmarks.statistics import wrong

SLOW = ("PBO of noise", "PBO, one of 100", "largest share", "coverage")
QUICK = [anchor for anchor in [*of_overfitting(), *of_metrics()] if not anchor.name.startswith(SLOW)]


@pytest.mark.parametrize("anchor", QUICK, ids=lambda anchor: anchor.name)
def test_a_figure_is_the_known_one_to_its_last_digit(anchor):
    assert anchor.holds(anchor.found())


def test_an_anchor_that_does_not_hold_is_named(capsys):
    assert wrong([QUICK[0], Anchor("of another world", "0.51", lambda: 0.52, "nowhere")]) == ["of another world"]
    assert "WRONG" in capsys.readouterr().out


def test_the_projects_interval_covers_what_a_lag_of_the_overlap_does_not():
    assert coverage(5, draws=500) >= 0.92 > coverage_of_overlap(5, draws=500)
