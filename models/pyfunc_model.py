"""Pyfunc: a saved forecaster as MLflow serves it, from raw windows to what it states of them.

Input: a dict of arrays: `windows` [B, L, F] float32, NaN allowed; `security_id` [B]; `session` [B], equal numbers for
windows that end at the same session. Output: a dict of arrays [B], `forecast` and what else the model states.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.models import set_model

from models.served import load
from models.windows import Windows


class ServedForecaster(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow is checked as Any
    """The forecaster of the artifact `forecaster`, a folder that one was saved to."""

    def load_context(self, context: Any) -> None:
        """Read the forecaster once, when the model is loaded."""
        self.forecaster = load(Path(context.artifacts["forecaster"]))

    # Without type hints: MLflow would take them for the signature, and it has none for arrays.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """What is stated of each window, an array for each name."""
        windows = np.asarray(model_input["windows"], dtype=np.float32)
        names, sessions = np.asarray(model_input["security_id"], dtype=np.str_), np.asarray(model_input["session"])
        asked = Windows(windows, names, sessions.astype(np.intp))
        return self.forecaster.predict(asked).stated()


set_model(ServedForecaster())
