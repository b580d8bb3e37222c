"""Tests of reading any fitted model back from its folder."""

import json

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from models import ModelSpec
from models.banded_ridge import BandedRidgeSpec
from models.gradient_boosting import GradientBoostingSpec
from models.linear import LinearSpec
from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec
from models.network import Network
from models.scaling import fit_scaler
from models.served import load
from models.windows import windows
from tests.models.asking import forecast_of, shape


def fitted(spec, train, valid, layout):
    if isinstance(spec, LstmSpec):
        torch.manual_seed(0)
        made = shape(layout)
        return Network(spec, made, fit_scaler(train.x_STF[:, 0]), spec.network(made), MeanSquaredSpec())
    return spec.fit(train, valid, layout, 0, 1, lambda *record: None)


@pytest.mark.parametrize(
    "spec",
    [
        LinearSpec(look_back=5),
        BandedRidgeSpec(look_back=5, blocks=2, gap_sessions=2),
        GradientBoostingSpec(look_back=5, max_trees=5),
        LstmSpec(look_back=5, hidden=8),
    ],
)
def test_a_folder_gives_back_the_model_whatever_its_kind(spec, x_STF, train, valid, layout, tmp_path):
    model = fitted(spec, train, valid, layout)
    model.save(tmp_path)
    again = load(tmp_path)
    x = windows(x_STF, valid.securities_B, valid.sessions_B, 5)
    assert (again.spec, again.columns) == (spec, layout.columns)
    np.testing.assert_array_equal(forecast_of(again, x), forecast_of(model, x))


def test_nothing_is_pickled(train, valid, layout, tmp_path):
    for number, spec in enumerate((LinearSpec(look_back=5), GradientBoostingSpec(look_back=5), LstmSpec(look_back=5))):
        fitted(spec, train, valid, layout).save(tmp_path / str(number))
    assert {path.suffix for path in tmp_path.rglob("*.*")} == {".json", ".safetensors", ".txt"}


def test_a_folder_without_a_document_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"holds no forecaster.json"):
        load(tmp_path)


def test_a_kind_that_does_not_exist_is_refused_with_what_is_allowed(train, valid, layout, tmp_path):
    fitted(LinearSpec(look_back=5), train, valid, layout).save(tmp_path)
    document = json.loads((tmp_path / "forecaster.json").read_text())
    (tmp_path / "forecaster.json").write_text(json.dumps(document | {"spec": {"kind": "lienar"}}))
    with pytest.raises(ValidationError, match=r"'lienar'.*'linear', 'banded_ridge', 'gradient_boosting', 'lstm'"):
        load(tmp_path)


def test_the_union_knows_a_spec_by_its_kind():
    assert TypeAdapter(ModelSpec).validate_python({"kind": "lstm", "hidden": 8}) == LstmSpec(hidden=8)
