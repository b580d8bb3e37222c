"""Tests of a saved forecaster as an MLflow pyfunc model."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models
from models.linear import LinearSpec
from models.projection import ProjectionSpec, fit_projection
from models.served import Projected
from models.windows import TableLayout, windows
from tests.models.asking import forecast_of, nameless

PACKAGE = Path(models.__file__).parent
SILENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}
READ_ELSEWHERE = """
import sys, numpy, mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1])
numpy.save(sys.argv[3], model.predict(dict(numpy.load(sys.argv[2])))["forecast"])
"""


@pytest.fixture(scope="module")
def mlflow():
    os.environ.update(SILENT)
    import mlflow

    return mlflow


@pytest.fixture
def saved(mlflow, x_STF, train, valid, layout, tmp_path):
    """Windows, their forecasts, and the folder of a pyfunc model that should give the same."""
    groups = ("bars", "bars", "bars", "counts", "counts", "counts")
    wide = dataclasses.replace(train, x_STF=np.concatenate([x_STF, x_STF[..., ::-1] ** 2], axis=2))
    columns = (*layout.columns, "count_0", "count_1", "count_2")
    projection = fit_projection(wide, columns, groups, {"counts": ProjectionSpec(components=2)})
    x_STF = wide.x_STF
    behind = [dataclasses.replace(part, x_STF=projection(x_STF)) for part in (train, valid)]
    inner = TableLayout(projection.names, layout.sequence_columns, layout.look_back)
    model = Projected(projection, LinearSpec(look_back=5).fit(*behind, inner, 0, 1, lambda *record: None))
    model.save(tmp_path / "forecaster")
    x = windows(x_STF, valid.securities_B, valid.sessions_B, 5)
    mlflow.pyfunc.save_model(
        path=tmp_path / "pyfunc",
        python_model=str(PACKAGE / "pyfunc_model.py"),
        artifacts={"forecaster": str(tmp_path / "forecaster")},
        signature=mlflow.models.infer_signature(nameless(x[:1]).named()),
        code_paths=[str(PACKAGE)],
        pip_requirements=["torch", "numpy", "safetensors", "pydantic", "lightgbm"],
    )
    return x, forecast_of(model, x), tmp_path / "pyfunc"


def test_the_pyfunc_model_gives_the_forecasts_of_the_saved_one(mlflow, saved):
    x, forecast, folder = saved
    np.testing.assert_array_equal(
        mlflow.pyfunc.load_model(str(folder)).predict(nameless(x).named())["forecast"], forecast
    )


def test_it_brings_its_code_and_forecasts_in_a_folder_without_the_project(saved, tmp_path):
    x, forecast, folder = saved
    np.savez(tmp_path / "x.npz", **nameless(x).named())
    command = [sys.executable, "-c", READ_ELSEWHERE, str(folder), str(tmp_path / "x.npz"), str(tmp_path / "y.npy")]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | SILENT
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), forecast)
