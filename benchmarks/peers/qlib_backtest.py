"""Qlib's backtest by Qlib's own executor, in its own environment: `python qlib_backtest.py DATA OUT`.

DATA holds a folder in Qlib's layout (`qlib`), scores.npy [S, T] in the order of its instruments and calendar, and
settings.json: top_k, drop, capital, invested, buy, sell, minimum. The strategy is Qlib's TopkDropoutStrategy, which
reads the scores of the session before; orders fill at the close, without limits, in lots of 100 shares as traded. It
trades from the second session to the last but one, since Qlib's calendar wants one more. OUT/account.npy is the account
value of each session. The last line is JSON: processor seconds of the loop (`seconds`), and of making strategy,
executor and quotes (`making`).
"""
# S securities, T sessions

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import qlib  # type: ignore[import-not-found]
from qlib.backtest import get_strategy_executor  # type: ignore[import-not-found]
from qlib.backtest.backtest import backtest_loop  # type: ignore[import-not-found]
from qlib.backtest.executor import SimulatorExecutor  # type: ignore[import-not-found]
from qlib.contrib.strategy import TopkDropoutStrategy  # type: ignore[import-not-found]
from qlib.data import D  # type: ignore[import-not-found]


def main(data: str, out: str) -> None:
    """Trade, keep the account's value, and tell the seconds."""
    folder = Path(data)
    told = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    qlib.init(provider_uri=str(folder / "qlib"), kernels=1, expression_cache=None, dataset_cache=None, logging_level=50)
    lines = (folder / "qlib" / "instruments" / "all.txt").read_text(encoding="utf-8").splitlines()
    calendar = D.calendar()
    scores_ST = pd.DataFrame(
        np.load(folder / "scores.npy"), index=[line.split("\t")[0] for line in lines], columns=calendar
    )
    signal = scores_ST.T.stack()
    signal.index.names = ["datetime", "instrument"]
    began = time.process_time()
    strategy, executor = get_strategy_executor(
        calendar[1],
        calendar[-2],
        TopkDropoutStrategy(
            signal=signal, topk=told["top_k"], n_drop=told["drop"], risk_degree=told["invested"],
            forbid_all_trade_at_limit=False,
        ),
        SimulatorExecutor(time_per_step="day", generate_portfolio_metrics=True),
        benchmark=pd.Series(0.0, index=calendar),
        account=told["capital"],
        exchange_kwargs={
            "freq": "day", "codes": list(scores_ST.index), "deal_price": "close", "limit_threshold": None,
            "open_cost": told["buy"], "close_cost": told["sell"], "min_cost": told["minimum"], "trade_unit": 100,
        },
    )  # fmt: skip
    made = time.process_time()
    metrics, _ = backtest_loop(calendar[1], calendar[-2], strategy, executor)
    done = time.process_time()
    account = metrics["1day"][0]["account"]
    np.save(Path(out) / "account.npy", account.to_numpy())
    told = {"seconds": done - made, "making": made - began, "sessions": len(account), "version": qlib.__version__}
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
