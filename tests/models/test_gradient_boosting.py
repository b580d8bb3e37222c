"""Tests of the gradient boosting."""

import numpy as np
import pytest
from pydantic import ValidationError

from models.gradient_boosting import GradientBoostingSpec
from models.ranking import RankIc
from models.windows import Cells, windows
from tests.models.asking import forecast_of


def fitted(spec, train, valid, layout, seed=0, threads=1):
    told = []
    return spec.fit(train, valid, layout, seed, threads, lambda *record: told.append(record)), told


@pytest.fixture
def spec():
    return GradientBoostingSpec(look_back=5, max_trees=30, patience=10, rows_in_leaf=50, column_share=1.0)


@pytest.fixture
def x_BLF(x_STF, valid):
    return windows(x_STF, valid.securities_B, valid.sessions_B, 5)


def test_it_finds_a_planted_signal_and_tells_of_every_tree(x_BLF, train, valid, layout, spec):
    model, told = fitted(spec, train, valid, layout)
    assert RankIc(valid.target_B, valid.sessions_B)(forecast_of(model, x_BLF)) > 0.4
    assert [tree for tree, _, _ in told] == list(range(1, len(told) + 1))
    assert told[-1][1] < told[0][1] < 1


def test_it_keeps_the_trees_up_to_the_best_validation_rank_ic(x_BLF, train, valid, layout, spec):
    model, told = fitted(spec, train, valid, layout)
    scores = [score for _, _, score in told]
    assert model.booster.num_trees() == 1 + int(np.argmax(scores))
    assert RankIc(valid.target_B, valid.sessions_B)(forecast_of(model, x_BLF)) == pytest.approx(max(scores), abs=1e-9)
    assert len(told) == min(30, model.booster.num_trees() + 10)


def test_the_same_seed_gives_the_same_trees_on_any_number_of_threads(train, valid, layout, spec):
    spec = spec.model_copy(update={"column_share": 0.5})
    one, two, other = (
        fitted(spec, train, valid, layout, seed, threads)[0].booster.model_to_string().split("parameters:")[0]
        for seed, threads in ((0, 1), (0, 2), (1, 1))
    )
    assert one == two
    assert one != other


def test_validation_rows_do_not_move_the_trees(x_STF, train, valid, layout):
    spec = GradientBoostingSpec(look_back=5, max_trees=1, rows_in_leaf=50)
    changed = x_STF.copy()
    changed[:, 90:] = 7
    cells = (Cells(changed, part.securities_B, part.sessions_B, part.target_B) for part in (train, valid))
    model, again = fitted(spec, train, valid, layout)[0], fitted(spec, *cells, layout)[0]
    assert again.booster.model_to_string() == model.booster.model_to_string()


def test_a_window_has_the_same_forecast_alone_and_in_company(x_BLF, train, valid, layout, spec):
    model, _ = fitted(spec, train, valid, layout)
    alone = np.concatenate([forecast_of(model, window[None]) for window in x_BLF[:40]])
    np.testing.assert_array_equal(alone, forecast_of(model, x_BLF)[:40])
    assert forecast_of(model, x_BLF[:0]).shape == (0,)


def test_it_comes_back_from_its_folder_bit_for_bit(x_BLF, train, valid, layout, spec, tmp_path):
    model, _ = fitted(spec, train, valid, layout)
    model.save(tmp_path)
    np.testing.assert_array_equal(forecast_of(spec.load(tmp_path), x_BLF), forecast_of(model, x_BLF))


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="leafs"):
        GradientBoostingSpec(leafs=3)
