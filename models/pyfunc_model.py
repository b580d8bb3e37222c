"""Pyfunc: a saved forecaster as MLflow serves it, from raw windows to forecasts."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from mlflow.models import set_model

from models.served import load


class ServedForecaster(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # mlflow is checked as Any
    """The forecaster of the artifact `forecaster`, a folder that one was saved to."""

    def load_context(self, context: Any) -> None:
        """Read the forecaster once, when the model is loaded."""
        self.forecaster = load(Path(context.artifacts["forecaster"]))

    # Without type hints: MLflow would take them for the signature, and it has none for arrays.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        """Forecasts [B] of raw windows [B, L, F], NaN allowed."""
        return self.forecaster.predict(np.asarray(model_input, dtype=np.float32))


set_model(ServedForecaster())
