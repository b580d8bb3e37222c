"""Qlib's LSTM by Qlib's own loop, in its own environment: `python qlib_lstm.py DATA OUT SEED EPOCHS`.

DATA holds z.npy, the scaled features [S, T, F], and for train, valid and test NAME_rows.npy, NAME_sessions.npy and
NAME_target.npy, cells in time order. Windows of 60 sessions are laid out as in Alpha360, feature by feature, in the
frames that Qlib's loop takes them from; laying them out is not timed. The network is that of Qlib's own workflows:
hidden 64, 2 layers, batches of 800, learning rate .001, and at most EPOCHS epochs (200 there), until none was better
for 10, as in its workflow for Alpha158 (20 in that for Alpha360). After each epoch the forecasts of valid are kept,
OUT/valid.npy [epochs, cells]; in the end those of test by the weights that Qlib chose, OUT/test.npy. The last line is
JSON: by epoch the processor seconds of its steps (`steps`) and of its look at valid (`looks`); its look at train is
left out.
"""
# S securities, T sessions, F features, B cells, L sessions of a window

from __future__ import annotations

import json
import math
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import qlib  # type: ignore[import-not-found]
from alpha360_layout import laid_out  # type: ignore[import-not-found]
from numpy.typing import NDArray
from qlib.contrib.model.pytorch_lstm import LSTM  # type: ignore[import-not-found]

LOOK_BACK = 60
PATIENCE = 10
Frames = dict[str, pd.DataFrame]


class Timed(LSTM):  # type: ignore[misc]
    """Qlib's model, with a clock on its steps and on its look at valid, and its forecasts after each epoch."""

    def __init__(self, valid: pd.DataFrame, **settings: object) -> None:
        super().__init__(**settings)
        self.valid, self.steps, self.looks = valid, list[float](), list[float]()
        self.forecasts = list[NDArray[np.float32]]()

    def train_epoch(self, x_train: pd.DataFrame, y_train: pd.DataFrame) -> None:
        """As Qlib's, timed."""
        began = time.process_time()
        super().train_epoch(x_train, y_train)
        self.steps.append(time.process_time() - began)

    def test_epoch(self, data_x: pd.DataFrame, data_y: pd.DataFrame) -> tuple[float, float]:
        """As Qlib's, timed, on valid; the look at train only fills a log, and is left out."""
        if len(data_x) != len(self.valid):
            return math.nan, math.nan
        began = time.process_time()
        found: tuple[float, float] = super().test_epoch(data_x, data_y)
        self.looks.append(time.process_time() - began)
        self.forecasts.append(self.predict(one_frame(self.valid)).to_numpy())
        print(f"epoch {len(self.steps)}: {self.steps[-1]:.1f} s, loss on valid {found[0]:.5f}", flush=True)
        return found


def main(data: str, out: str, seed: str, epochs: str) -> None:
    """Fit, keep the forecasts, and tell the seconds."""
    frames = {name: frame_of(Path(data), name) for name in ("train", "valid", "test")}
    features = frames["train"]["feature"].shape[1] // LOOK_BACK
    model = Timed(
        frames["valid"]["feature"],
        d_feat=features,
        n_epochs=int(epochs),
        early_stop=PATIENCE,
        batch_size=800,
        metric="loss",
        seed=int(seed),
        GPU=-1,
    )
    dataset = SimpleNamespace(prepare=lambda names, **_: [frames[name] for name in names])
    model.fit(dataset, save_path=str(Path(out) / "weights"))
    np.save(Path(out) / "valid.npy", np.stack(model.forecasts))
    np.save(Path(out) / "test.npy", model.predict(one_frame(frames["test"]["feature"])).to_numpy())
    told = {"steps": model.steps, "looks": model.looks, "labels": len(frames["train"]), "version": qlib.__version__}
    print(json.dumps(told))


def one_frame(frame: pd.DataFrame) -> SimpleNamespace:
    """A dataset of which Qlib asks one frame."""
    return SimpleNamespace(prepare=lambda *_, **__: frame)


def frame_of(data: Path, name: str) -> pd.DataFrame:
    """Windows and targets of a segment, as Qlib's dataset gives them."""
    z_STF = np.load(data / "z.npy")
    rows_B, sessions_B, target_B = (np.load(data / f"{name}_{part}.npy") for part in ("rows", "sessions", "target"))
    x_BC = laid_out(z_STF, rows_B, sessions_B, LOOK_BACK)
    columns = [("feature", f"f{place}") for place in range(x_BC.shape[1])]
    frame = pd.DataFrame(x_BC, columns=pd.MultiIndex.from_tuples(columns))
    frame[("label", "label")] = target_B
    return frame


if __name__ == "__main__":
    main(*sys.argv[1:])
