"""Lead-lag baskets: what is planted is there, as strong as it says, and nowhere else."""

import numpy as np
import polars as pl
import pytest

from assets.training.panel import TEST, TRAIN, VALID
from benchmarks.lead_lag import (
    BASKETS,
    LAG,
    RANK_IC,
    SETTLES,
    SIZE,
    TESTED,
    TRAINED,
    VALIDATED,
    lead_lag,
    with_neighbours,
    without_leaders,
)
from benchmarks.two_level import recovery, two_level
from models.ranking import RankIc


@pytest.fixture(scope="module")
def drawn():
    return lead_lag(3)


def ic_of_followers(drawn):
    followers = np.flatnonzero(~drawn.leads_S)
    sessions = np.flatnonzero((drawn.panel.segment_ST > 0).any(0))
    rows, at = (part.ravel() for part in np.meshgrid(followers, sessions, indexing="ij"))
    order = np.argsort(at, kind="stable")
    rows, at = rows[order], at[order]
    return RankIc(drawn.panel.label_ST[rows, at].astype(np.float32), at)(drawn.component_ST[rows, at])


def test_the_component_has_the_rank_ic_that_is_asked_for_and_none_where_nobody_leads(drawn):
    assert ic_of_followers(drawn) == pytest.approx(RANK_IC, abs=0.01)
    assert ic_of_followers(lead_lag(3, absent=True)) == pytest.approx(0, abs=0.01)


def test_it_is_what_the_leader_earned_before_the_decision(drawn):
    panel = drawn.panel
    returns_ST = panel.x_STF[:, :, panel.columns.index("log_return")]
    place = {name: row for row, name in enumerate(panel.grid.securities)}
    for basket in drawn.baskets:
        rows = [place[name] for name in basket]
        (leader,) = [row for row in rows if drawn.leads_S[row]]
        assert not drawn.component_ST[leader, :-SETTLES].any()
        followers = [row for row in rows if row != leader]
        told_T = drawn.component_ST[followers[0], LAG:-SETTLES]
        np.testing.assert_array_equal(drawn.component_ST[followers[1:], LAG:-SETTLES], [told_T] * (SIZE - 2))
        # The leader's return holds the market too, with the same variance.
        for before in (LAG - SETTLES - 1, LAG - SETTLES, LAG - SETTLES + 1):
            known_T = returns_ST[leader, LAG - before : -SETTLES - before]
            is_it = before == LAG - SETTLES
            assert np.corrcoef(told_T, known_T)[0, 1] == pytest.approx(0.707 if is_it else 0, abs=0.1)
    assert drawn.leads_S.sum() == BASKETS


def test_windows_have_the_lengths_that_are_told_and_lie_apart(drawn):
    segments = [np.flatnonzero((drawn.panel.segment_ST == part).any(0)) for part in (TRAIN, VALID, TEST)]
    assert [len(part) for part in segments] == [TRAINED, VALIDATED, TESTED]
    assert TRAINED + VALIDATED == 1000
    assert segments[1][0] - segments[0][-1] == segments[2][0] - segments[1][-1] == SETTLES + 1


def test_moved_leaders_sit_where_they_do_not_lead_and_nobody_is_lost(drawn):
    ids = np.array(drawn.panel.grid.securities)
    leaders = set(ids[drawn.leads_S])
    moved = without_leaders(drawn, 3)
    assert {name for basket in moved for name in basket} == set(ids)
    for before, after in zip(drawn.baskets, moved, strict=True):
        assert len(after) == SIZE
        assert set(before) - leaders == set(after) - leaders
        assert not set(before) & set(after) & leaders


def test_neighbours_are_the_other_names_of_the_basket(drawn):
    panel = with_neighbours(drawn)
    returns_ST = drawn.panel.x_STF[:, :, drawn.panel.columns.index("log_return")]
    place = {name: row for row, name in enumerate(panel.grid.securities)}
    first = drawn.baskets[7]
    others = [returns_ST[place[name]] for name in first[1:]]
    np.testing.assert_array_equal(panel.x_STF[place[first[0]], :, -4:], np.stack(others, axis=-1))


def test_recovery_is_one_for_the_component_itself(drawn):
    sessions = np.flatnonzero((drawn.panel.segment_ST == TEST).any(0))[:20]
    rows, at = (part.ravel() for part in np.meshgrid(np.arange(BASKETS * SIZE), sessions, indexing="ij"))
    frame = pl.DataFrame(
        {
            "session": [drawn.panel.grid.sessions[day] for day in at],
            "security_id": [drawn.panel.grid.securities[row] for row in rows],
            "forecast": drawn.component_ST[rows, at],
        }
    )
    assert recovery(drawn, frame) == pytest.approx(1)
    assert recovery(drawn, frame.with_columns(-2 * frame["forecast"])) == pytest.approx(-1)
    assert two_level(drawn.baskets).baskets == drawn.baskets
