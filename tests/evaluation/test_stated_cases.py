from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from assets.evaluation.calibration import calibration
from assets.evaluation.depth import of_confidence
from assets.evaluation.gating import gating
from assets.evaluation.stated_cases import stated_cases

ZONE = ZoneInfo("Asia/Shanghai")


def rows(segment, session, stated, seed=0, fold="2016-01-01", **columns):
    names = [f"s{k}" for k in range(len(stated))]
    blank = {"noise_scale": None, "probability": None, "probability_std": None}
    return pl.DataFrame(
        {
            "session": session, "security_id": names, "seed": seed, "segment": segment, "fold": fold,
            "forecast": stated, **blank, **columns, "decided_at": datetime(2016, 1, 1, 20, tzinfo=ZONE),
        },
        schema_overrides={name: pl.Float64 for name in blank},
    )  # fmt: skip


def returned(session, values):
    return pl.DataFrame(
        {
            "session": session, "security_id": [f"s{k}" for k in range(len(values))],
            "horizon": pl.Series([5] * len(values), dtype=pl.Int32), "forward_return": values,
        }
    )  # fmt: skip


DAY, NEXT = date(2016, 1, 4), date(2016, 1, 5)


def test_a_case_holds_what_all_seeds_state_and_what_came():
    told = pl.concat(
        [
            rows("test", DAY, [0.1, 0.2], seed=seed, probability=[0.4 + 0.2 * seed, 0.5], probability_std=[0.1, 0.0])
            for seed in (0, 1)
        ]
    )
    found = stated_cases(told, returned(DAY, [0.3, -0.3]), 5)["test"]
    assert found.probability_N.tolist() == pytest.approx([0.5, 0.5])
    assert found.doubt_N[0] == pytest.approx(np.sqrt(0.1**2 + 0.02))
    assert found.error_N.tolist() == pytest.approx([0.2, -0.5])
    assert found.rose.tolist() == [True, False]
    assert found.brier.tolist() == pytest.approx([0.25, 0.25])
    assert np.isnan(found.noise_N).all()


def test_names_whose_buy_did_not_fill_are_no_cases():
    told = rows("test", DAY, [0.1, 0.2], probability=[0.5, 0.5])
    assert len(stated_cases(told, returned(DAY, [0.3, None]), 5)["test"].return_N) == 1


def test_forecasts_that_state_nothing_more_have_no_cases_and_no_lines():
    told = pl.concat([rows("test", DAY, [0.1, 0.2]), rows("valid", NEXT, [0.1, 0.2])])
    assert stated_cases(told, returned(DAY, [0.3, -0.3]), 5) == {}
    assert of_confidence(told, returned(DAY, [0.3, -0.3]), 5) == []


def test_the_order_of_the_rows_changes_no_bit():
    rng = np.random.default_rng(0)
    days = pl.date_range(date(2016, 1, 1), date(2016, 3, 31), eager=True).to_list()
    told = pl.concat(
        [
            rows(
                segment, day, rng.standard_normal(20), seed=seed, probability=rng.random(20), noise_scale=rng.random(20)
            )
            for segment, part in (("valid", days[:45]), ("test", days[45:]))
            for day in part
            for seed in (0, 1, 2)
        ]
    )
    came = pl.concat([returned(day, rng.standard_normal(20)) for day in days])

    def lines(frame):
        found = stated_cases(frame, came, 5)
        both = found["valid"], found["test"]
        return [*calibration(*both, 5), *gating(*both, 5)]

    first = repr(lines(told))
    assert "loss_below_random" in first
    for seed in range(3):
        assert repr(lines(told.sample(fraction=1.0, shuffle=True, seed=seed))) == first
