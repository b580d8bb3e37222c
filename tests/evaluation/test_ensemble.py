"""Ensemble: noise stays noise, and what seeds disagree on is doubt."""

from datetime import date

import polars as pl
import pytest

from assets.evaluation.ensemble import ensemble


def rows(*stated):
    """One row a seed of one security: noise, probability and its doubt."""
    return pl.DataFrame(
        [
            {"fold": "a", "segment": "test", "session": date(2015, 1, 5), "security_id": "sh600000", "seed": seed}
            | dict(zip(("noise_scale", "probability", "probability_std"), values, strict=True))
            for seed, values in enumerate(stated)
        ],
        schema_overrides={name: pl.Float64 for name in ("noise_scale", "probability", "probability_std")},
    )


def test_noise_is_the_root_of_the_mean_square_and_disagreement_is_doubt():
    found = ensemble(rows((0.03, 0.6, None), (0.04, 0.4, None))).row(0, named=True)
    assert found["seeds"] == 2
    assert found["noise_scale"] == pytest.approx(((0.03**2 + 0.04**2) / 2) ** 0.5)
    assert found["probability"] == pytest.approx(0.5)
    assert found["probability_std"] == pytest.approx(0.02**0.5)


def test_stated_doubt_and_disagreement_add_up():
    found = ensemble(rows((None, 0.6, 0.1), (None, 0.4, 0.3))).row(0, named=True)
    assert found["probability_std"] == pytest.approx(((0.1**2 + 0.3**2) / 2 + 0.02) ** 0.5)
    assert found["noise_scale"] is None
    alone = ensemble(rows((None, 0.6, 0.1))).row(0, named=True)
    assert alone["probability_std"] == pytest.approx(0.1)


def test_who_is_alone_and_states_no_doubt_has_none():
    found = ensemble(rows((0.02, 0.6, None))).row(0, named=True)
    assert found["probability_std"] is None
    without = ensemble(rows((0.02, None, None), (0.03, None, None))).row(0, named=True)
    assert (without["probability"], without["probability_std"]) == (None, None)


def test_rows_come_in_the_order_of_their_keys_whatever_the_order_given():
    many = pl.concat(
        [rows((0.1, 0.5, None), (0.2, 0.7, None)).with_columns(security_id=pl.lit(name)) for name in ("c", "a", "b")]
    )
    found = ensemble(many.sample(fraction=1.0, shuffle=True, seed=1))
    assert found["security_id"].to_list() == ["a", "b", "c"]
    assert found.equals(ensemble(many))
