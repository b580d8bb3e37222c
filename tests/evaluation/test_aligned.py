"""Aligned: which trials can be compared, and on which sessions."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from assets.evaluation.aligned import aligned, leads

DAY = date(2016, 1, 4)


def trial(name: str, first: int, values) -> pl.DataFrame:
    days = [DAY + timedelta(days=first + k) for k in range(len(values))]
    return pl.DataFrame(
        {"trial_id": [name] * len(days), "session": days, "excess_return": pl.Series(values, dtype=pl.Float64)}
    )


def test_trials_share_the_sessions_that_all_of_them_have():
    rows = pl.concat([trial("b", 0, range(100)), trial("a", 5, range(200)), trial("c", -3, range(98))])
    found = aligned(rows.sample(fraction=1, shuffle=True, seed=0), "b")
    assert found.trials == ("a", "b", "c")
    assert found.place == 1
    assert found.own_T.tolist() == list(range(100))
    assert found.sessions.to_list() == [DAY + timedelta(days=k) for k in range(5, 95)]
    assert found.x_TN[0].tolist() == [0, 5, 8]
    assert found.x_TN[-1].tolist() == [89, 94, 97]


def test_trials_of_other_sessions_are_left_out_and_counted():
    rows = pl.concat([trial("own", 0, range(100)), trial("short", 0, range(89)), trial("later", 500, range(100))])
    found = aligned(rows, "own")
    assert (found.trials, found.left_out) == (("own",), 2)
    assert found.x_TN.shape == (100, 1)


def test_sessions_without_a_return_are_left_out():
    values = [None, float("nan"), *range(50)]
    found = aligned(pl.concat([trial("own", 0, values), trial("other", 0, range(52))]), "own")
    assert found.x_TN.shape == (50, 2)
    assert len(found.own_T) == 50


def test_a_lead_is_taken_session_by_session():
    family = aligned(pl.concat([trial("a", 0, np.arange(40.0)), trial("b", 0, np.arange(40.0) * 2)]), "a")
    rival = trial("ridge", 10, [1.0] * 50).sample(fraction=1, shuffle=True, seed=0)
    found = leads(family, rival)
    assert found.shape == (30, 2)
    assert found[0].tolist() == [9.0, 19.0]
    assert leads(family, trial("ridge", 900, [1.0])).shape == (0, 2)


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(ValueError, match=r"trial 'c' has no returns; the trials with returns are \['a'\]"):
        aligned(trial("a", 0, range(30)), "c")
    with pytest.raises(ValueError, match="two returns on one session"):
        aligned(pl.concat([trial("a", 0, range(30)), trial("a", 29, [1.0])]), "a")
