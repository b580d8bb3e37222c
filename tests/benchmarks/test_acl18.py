"""ACL18: the published rows become the published numbers of labels, and no input knows its label."""

import numpy as np
import polars as pl
import pytest

from assets.training.panel import TEST, TRAIN, VALID
from benchmarks.acl18 import COLUMNS, FILE, Contender, panel_of, scored
from models.heads import CrossEntropyHead
from models.lstm import LstmSpec

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the published rows are not on this machine")


@pytest.fixture(scope="module")
def rows():
    return pl.read_parquet(FILE)


@pytest.fixture(scope="module")
def panel(rows):
    return panel_of(rows)


def test_the_windows_hold_the_published_numbers_of_labels(panel):
    counts = {part: int(panel.labelled(part).sum()) for part in (TRAIN, VALID, TEST)}
    assert counts == {TRAIN: 20_319, VALID: 2_555, TEST: 3_720}
    assert (panel.label_ST[panel.labelled(VALID)] < 0).mean() == pytest.approx(0.554, abs=5e-4)
    assert (panel.label_ST[panel.labelled(TEST)] > 0).mean() == pytest.approx(0.5129, abs=5e-5)


def test_signs_are_the_published_labels_of_the_next_day(rows, panel):
    told = {(row["ticker"], row["date"]): row["label"] for row in rows.iter_rows(named=True)}
    cells = np.argwhere(panel.labelled(TEST))
    for s, t in cells[:: len(cells) // 300]:
        key = (panel.grid.securities[s], str(panel.grid.sessions[t + 1]))
        assert np.sign(panel.label_ST[s, t]) == told[key]


def test_inputs_end_before_the_label(rows, panel):
    last = panel.grid.sessions[-1]
    changed = rows.with_columns(
        pl.when(pl.col("date") == str(last)).then(99.0).otherwise(pl.col(name)).alias(name) for name in COLUMNS
    )
    again = panel_of(changed)
    np.testing.assert_array_equal(again.x_STF[:, :-1], panel.x_STF[:, :-1])
    np.testing.assert_array_equal(again.label_ST, panel.label_ST)


def test_scores_are_those_of_the_seeds_or_of_their_mean(panel):
    cells = np.argwhere(panel.labelled(TEST))
    rises = panel.label_ST[cells[:, 0], cells[:, 1]] > 0
    parts = [
        pl.DataFrame(
            {
                "session": [panel.grid.sessions[t] for t in cells[:, 1]],
                "security_id": [panel.grid.securities[s] for s in cells[:, 0]],
                "seed": seed,
                "probability": np.where(rises, 0.9, 0.1) if seed else np.full(len(rises), 0.6),
            }
        )
        for seed in (0, 1)
    ]
    spec = (LstmSpec(), CrossEntropyHead(), None)
    apart = scored(panel, pl.concat(parts), Contender(*spec, is_averaged=False))
    assert apart.accuracy == pytest.approx((1 + rises.mean()) / 2, abs=1e-4)
    assert apart.mcc == pytest.approx(0.5, abs=1e-4)
    together = scored(panel, pl.concat(parts), Contender(*spec, is_averaged=True))
    assert (together.accuracy, together.mcc, together.accuracy_lower) == (1, 1, 1)
    assert apart.accuracy_lower < apart.accuracy < apart.accuracy_upper
