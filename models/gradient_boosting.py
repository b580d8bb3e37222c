"""Gradient boosting: trees on the flattened window, the baseline for what is not linear."""
# B batch, L look-back, F features, C columns of the table

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.document import Document, read_document
from models.outlook import Outlook
from models.ranking import RankIc
from models.windows import Cells, TableLayout, Windows, check_windows

if TYPE_CHECKING:
    from lightgbm import Booster

TREES = "trees.txt"
ROWS_FOR_BINS = 50_000

Report = Callable[[int, float, float], None]


class GradientBoostingSpec(BaseModel):
    """LightGBM regression trees, as many as are best for the validation RankIC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = False
    losses: ClassVar[tuple[str, ...]] = ("mse",)

    kind: Literal["gradient_boosting"] = "gradient_boosting"
    look_back: int = Field(default=20, ge=1, le=250, description="sessions in a window")
    max_trees: int = Field(default=150, ge=1)
    patience: int = Field(default=40, ge=1, description="trees without a better validation RankIC before it stops")
    learning_rate: float = Field(default=0.03, gt=0, le=1)
    leaves: int = Field(default=7, ge=2, description="leaves of one tree")
    rows_in_leaf: int = Field(default=500, ge=1, description="fewest training rows in a leaf")
    column_share: float = Field(default=0.2, gt=0, le=1, description="share of the columns that a tree may use")
    row_share: float = Field(default=0.5, gt=0, le=1, description="share of the rows that a tree is grown on")
    random_splits: bool = Field(default=True, description="one random threshold a column: trees that overfit less")
    bins: int = Field(default=63, ge=2, le=255, description="most distinct values of a column that a split tells apart")

    def fit(self, train: Cells, valid: Cells, layout: TableLayout, seed: int, threads: int, report: Report) -> Boosted:
        """Trees on the training cells; `report` is told after each tree (tree, training loss, validation RankIC).

        The same seed gives the same trees, on any number of threads. Trees split by order: they need no scaler, and
        NaN is a value of its own to them.
        """
        import lightgbm

        parameters = self._parameters(seed, threads)
        rows = lightgbm.Dataset(
            train.rows(layout, 0, len(train)), train.target_B, feature_name=list(layout.names), params=parameters
        )
        checks = rows.create_valid(valid.rows(layout, 0, len(valid)), valid.target_B, params=parameters)
        booster = lightgbm.Booster(parameters, rows)
        booster.add_valid(checks, "valid")
        rank_ic = RankIc(valid.target_B, valid.sessions_B)
        best, best_tree = -np.inf, 0
        for tree in range(1, self.max_trees + 1):
            booster.update()
            score = booster.eval_valid(lambda forecast, data: ("rank_ic", rank_ic(forecast), True))[0][2]
            loss = booster.eval_train(lambda forecast, data: ("mse", _mse(forecast, train.target_B), False))[0][2]
            report(tree, loss, score)
            if score > best:
                best, best_tree = score, tree
            elif tree - best_tree >= self.patience:
                break
        return Boosted(self, layout, lightgbm.Booster(model_str=booster.model_to_string(num_iteration=best_tree)))

    def load(self, folder: Path) -> Boosted:
        """The fitted model that `Boosted.save` wrote."""
        import lightgbm

        document = read_document(folder)
        layout = TableLayout(document.columns, document.sequence_columns, self.look_back)
        return Boosted(self, layout, lightgbm.Booster(model_file=folder / TREES))

    def _parameters(self, seed: int, threads: int) -> dict[str, Any]:
        return {
            "objective": "regression",
            "metric": "None",
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": self.rows_in_leaf,
            "feature_fraction": self.column_share,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "extra_trees": self.random_splits,
            "max_bin": self.bins,
            "bin_construct_sample_cnt": ROWS_FOR_BINS,
            "seed": seed,
            "num_threads": threads,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True)
class Boosted:
    """Fitted trees: the text that LightGBM itself writes is what is saved, and what forecasts."""

    spec: GradientBoostingSpec
    layout: TableLayout
    booster: Booster

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the F columns of a window."""
        return self.layout.columns

    def predict(self, asked: Windows) -> Outlook[NDArray[np.float64]]:
        """Forecasts of raw windows; NaN is allowed. The same window gives the same bits in any batch."""
        check_windows(asked.x_BLF, self.spec.look_back, self.columns)
        if not len(asked):
            return Outlook(np.empty(0))
        return Outlook(np.asarray(self.booster.predict(self.layout.of_windows(asked.x_BLF)), dtype=np.float64))

    def save(self, folder: Path) -> None:
        """Write document and trees into a folder."""
        Document(
            spec=self.spec.model_dump(mode="json"),
            columns=self.columns,
            sequence_columns=self.layout.sequence_columns,
        ).write(folder)
        self.booster.save_model(folder / TREES)


def _mse(forecast_N: NDArray[np.float64], target_N: NDArray[np.float32]) -> float:
    return float(np.square(forecast_N - target_N).mean())
