"""Importance: the market holds what is planted, and both ways of weighing are read as they are told."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from assets.training.panel import TRAIN, VALID
from benchmarks.importance import FEATURES, STRENGTHS, Weighed, drawn, permutation_importance

PLANTED = np.array([0.0, 0.3, 0.0, 0.1])


def test_features_foretell_as_much_as_was_planted() -> None:
    panel, strength_F = drawn(0)
    cells_ST = panel.labelled(TRAIN) | panel.labelled(VALID)
    found_F = [
        np.corrcoef(panel.x_STF[cells_ST][:, place], panel.label_ST[cells_ST])[0, 1] for place in range(FEATURES)
    ]
    assert sorted(strength_F[strength_F > 0], reverse=True) == list(STRENGTHS)
    np.testing.assert_allclose(found_F, strength_F, atol=0.02)
    assert not np.array_equal(drawn(1)[1], strength_F)


@pytest.mark.parametrize(("weights", "apart"), [([0.5, 2, 0.6, 0.9], True), ([0.5, 2, 1.0, 0.9], False)])
def test_halves_lie_apart_where_every_informative_feature_weighs_more(weights: list[float], *, apart: bool) -> None:
    weighed = Weighed(PLANTED, np.array(weights), np.array([0.01, 0.2, 0.0, 0.05]))
    assert weighed.halves_apart is apart


def test_agreement_is_that_of_ranks() -> None:
    weight_F = np.array([0.1, 8.0, 0.2, 0.9])
    assert Weighed(PLANTED, weight_F, weight_F**3).agreement == pytest.approx(1)
    assert Weighed(PLANTED, weight_F, -weight_F).agreement == pytest.approx(-1)


def test_what_is_shuffled_costs_what_it_told() -> None:
    panel, strength_F = drawn(0)

    def predict(asked: Any) -> SimpleNamespace:
        return SimpleNamespace(forecast=asked.x_BLF[:, -1].astype(np.float64) @ strength_F)

    model: Any = SimpleNamespace(predict=predict, spec=SimpleNamespace(look_back=2))
    lost_F = permutation_importance(panel, model, seed=0)
    assert lost_F[strength_F == 0].tolist() == [0.0] * len(STRENGTHS)
    assert np.argsort(-lost_F)[:3].tolist() == np.argsort(-strength_F)[:3].tolist()
