"""The suite over the fit path: what is fitted, shown and forecast knows nothing of the test, and follows the train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.fitting import CONTROLS, FIT_CONTROLS, FIT_INSIDE_FOLD, controls
from expectations.fitting_forecasts import FORECASTS_ALIVE, FORECASTS_KNOWN, followed
from expectations.suites.suite import Evidence, Suite, has_rows, holds, lies_within

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

FEWEST_PARTS = 3  # a file, the history, the forecasts of validation


def _demands() -> Mapping[str, list[Expectation]]:
    untouched = [demand for name in ("changed", "missing", "added") for demand in lies_within(f"rows_{name}", most=0)]
    return {
        "fit_inside_fold": [*has_rows(), *holds("passed"), *lies_within("rows_replaced", least=1)],
        "fit_controls": [
            *has_rows(),
            *lies_within("parts_kept", least=FEWEST_PARTS),
            *lies_within("controls_moved", least=CONTROLS),
        ],
        "forecasts_known": [*has_rows(), *holds("passed"), *untouched],
        "forecasts_alive": [*has_rows(), *holds("alive")],
        "truth_withheld": [*has_rows(), *holds("passed")],
        "twins": [*has_rows(), *holds("passed")],
    }


def _derived(evidence: Evidence) -> Evidence:
    """Whether what must follow did follow, by experiment and fold: a check that sees nothing shows nothing."""
    fitted, forecast = evidence.get("fit_inside_fold"), evidence.get("forecasts_known")
    is_known = fitted is not None and set(fitted.columns) == set(FIT_INSIDE_FOLD)
    is_forecast = forecast is not None and set(forecast.columns) == set(FORECASTS_KNOWN)
    return {
        "fit_controls": controls(fitted) if is_known and fitted is not None else FIT_CONTROLS.to_frame(),
        "forecasts_alive": followed(forecast) if is_forecast and forecast is not None else FORECASTS_ALIVE.to_frame(),
    }


FIT = Suite(
    required=frozenset({"fit_inside_fold", "forecasts_known", "truth_withheld", "twins"}),
    demands=_demands,
    derived=_derived,
)
