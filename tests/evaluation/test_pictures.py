import subprocess
import sys
from datetime import date

import polars as pl
import pytest

from assets.evaluation import pictures

SESSIONS = pl.date_range(date(2016, 1, 1), date(2016, 5, 1), eager=True).alias("session")
RANK_IC = pl.DataFrame(SESSIONS).with_columns(rank_ic=pl.Series([0.03, -0.01] * 61))
FOLDS = pl.DataFrame(
    {"fold": ["2016-01-01", "2016-07-01"], "mean": [0.03, 0.04], "lower": [0.01, None], "upper": [0.05, None]}
)
SEEDS = pl.DataFrame({"fold": ["2016-01-01", "2016-07-01"], "seed": [0, 0], "rank_ic": [0.02, None]})
DECILES = pl.DataFrame(
    {"decile": range(1, 11), "mean": [k / 1000 for k in range(-5, 5)], "lower": [-0.01] * 10, "upper": [0.01] * 10}
)
DRAWN = {
    "cumulative_rank_ic": lambda: pictures.cumulative_rank_ic(RANK_IC),
    "rank_ic_by_fold": lambda: pictures.rank_ic_by_fold(FOLDS, SEEDS),
    "decile_bars": lambda: pictures.decile_bars(DECILES, 5),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_a_png_and_the_same_for_the_same_input(name):
    first = DRAWN[name]()
    assert first.startswith(b"\x89PNG")
    assert first == DRAWN[name]()


def test_a_picture_differs_when_its_input_does():
    higher = RANK_IC.with_columns(pl.col("rank_ic") + 0.01)
    assert pictures.cumulative_rank_ic(RANK_IC) != pictures.cumulative_rank_ic(higher)


def test_importing_the_report_does_not_import_matplotlib():
    code = "import sys, assets.evaluation.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
