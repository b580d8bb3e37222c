"""Leaderboard page: every experiment beside the others, as pictures and as one HTML page that needs no other file."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from assets.evaluation.page import image, page, section, table, words
from assets.evaluation.pictures import BLUE, INK, ORANGE, canvas, png
from assets.evaluation.report_numbers import bounded_text, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HOW = (
    "Experiments are ordered, and put up for promotion, by validation alone; what the test shows stands beside it and "
    "orders nothing. Each figure is the mean over the sessions with the range that holds the true value in 95 of "
    "100 cases. A range that holds 0 is not told apart from luck, and two ranges that overlap tell no winner: that "
    "takes a comparison session by session."
)
MANY = (
    "{experiments} experiments looked at the same test sessions. The more look, the better the best of them looks by "
    "luck alone: even if none of them knew anything, about one in forty would lie above 0."
)
BEYOND_LUCK = (
    "DSR is the share of records without any skill, the best of as many tries, that would look worse than this one: "
    "below .95, luck in choosing is enough to explain it. Beside the simple models stands the daily excess return less "
    "theirs, on the same sessions."
)
CAPTIONS = {
    "rank_ic_by_experiment": "RankIC of each experiment on validation and on test",
    "excess_by_experiment": "Excess return of each experiment after costs",
}
WIDTH = 0.42


def render_leaderboard(board: pl.DataFrame, beyond_luck: str = "") -> dict[str, bytes]:
    """File name -> content: the pictures as PNG, and `leaderboard.html`.

    board        rows of `leaderboard.Leaderboard`
    beyond_luck  what luck leaves of each experiment, as HTML: see `luck_section`
    """
    drawn = {}
    if board["test_rank_ic"].is_not_null().any():
        drawn["rank_ic_by_experiment"] = rank_ic_by_experiment(board)
    if board["excess_return_annual"].is_not_null().any():
        drawn["excess_by_experiment"] = excess_by_experiment(board)
    pictures = [image(drawn[name], CAPTIONS[name]) for name in drawn]
    blocks = [
        "<header><p class=kicker>Leaderboard</p><h1>Which model, if any, tells something of the next sessions?</h1>"
        f"{''.join(f'<p class=verdict>{escape(sentence)}</p>' for sentence in chosen(board))}</header>",
        section("How to read it", words(HOW), words(MANY.format(experiments=len(board)))),
        section("What they tell and would have earned", *pictures),
        section("Figures", table(_figures(board), ("horizon", *_COLUMNS))),
        section("Could it be luck?", *([words(BEYOND_LUCK), beyond_luck] if beyond_luck else [])),
        section("Where the truth is known", *(words(text) for text in _worlds(board))),
    ]
    files = {f"{name}.png": picture for name, picture in drawn.items()}
    return {**files, "leaderboard.html": page("Leaderboard", blocks).encode()}


def chosen(board: pl.DataFrame) -> list[str]:
    """One sentence for each horizon: who was chosen on validation, and what the test says of it."""
    rows = board.filter("chosen_on_validation").sort("horizon", "experiment")
    return [
        f"{horizon} sessions: {experiment} was chosen on validation. {verdict}"
        for horizon, experiment, verdict in rows.select("horizon", "experiment", "verdict").iter_rows()
    ]


def rank_ic_by_experiment(board: pl.DataFrame) -> bytes:
    """RankIC with its interval on validation and on test, in the order of the board."""
    with canvas(1.3 + WIDTH * len(board)) as (figure, (axes,)):
        for segment, colour, above, name in (("valid", ORANGE, -0.12, "validation"), ("test", BLUE, 0.12, "test")):
            ends = (f"{segment}_rank_ic{end}" for end in ("", "_lower", "_upper"))
            value, lower, upper = (_numbers(board, end) for end in ends)
            reach = np.nan_to_num(np.vstack([value - lower, upper - value]))
            at = np.arange(len(board)) + above
            axes.errorbar(
                value, at, xerr=reach, fmt="o", color=colour, markersize=5, linewidth=1.4, capsize=3, label=name
            )
        _listed(axes, board)
        axes.set_title("RankIC with 95% interval; chosen by the orange ones alone", pad=22)
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        return png(figure)


def excess_by_experiment(board: pl.DataFrame) -> bytes:
    """Excess return a year after costs with its interval, in percent."""
    with canvas(1.2 + WIDTH * len(board)) as (figure, (axes,)):
        ends = (f"excess_return_annual{end}" for end in ("", "_lower", "_upper"))
        value, lower, upper = (100 * _numbers(board, end) for end in ends)
        reach = np.nan_to_num(np.vstack([value - lower, upper - value]))
        axes.errorbar(
            value, np.arange(len(board)), xerr=reach, fmt="o", color=BLUE, markersize=5, linewidth=1.4, capsize=3
        )
        _listed(axes, board)
        axes.set_xlabel("percent a year, after costs, above the equal-weight universe before costs")
        axes.set_title("Excess return of the test with 95% interval")
        return png(figure)


def _listed(axes: Axes, board: pl.DataFrame) -> None:
    """Names of the experiments from top to bottom, and the line of 0."""
    names = [f"{name} ({horizon})" for name, horizon in board.select("experiment", "horizon").iter_rows()]
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _numbers(board: pl.DataFrame, column: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return board[column].cast(pl.Float64).fill_null(np.nan).to_numpy()


_COLUMNS = ("RankIC, validation", "RankIC, test", "ICIR", "excess a year", "refused orders")


def _figures(board: pl.DataFrame) -> pl.DataFrame:
    lines = []
    for row in board.iter_rows(named=True):
        bounds = {
            name: bounded_text(row[name], row[f"{name}_lower"], row[f"{name}_upper"], unit)
            for name, unit in (
                ("valid_rank_ic", "correlation"),
                ("test_rank_ic", "correlation"),
                ("excess_return_annual", "simple return a year"),
            )
        }
        mark = " (chosen)" if row["chosen_on_validation"] else ""
        numbers = (bounds["valid_rank_ic"], bounds["test_rank_ic"], shown(row["icir"], "per session"))
        earned = (bounds["excess_return_annual"], shown(row["refused_orders"], "orders"))
        lines.append((f"{row['experiment']}{mark}", row["model"], row["horizon"], *numbers, *earned))
    return pl.DataFrame(lines, schema=["experiment", "model", "horizon", *_COLUMNS], orient="row")


def _worlds(board: pl.DataFrame) -> list[str]:
    told = board.unique(["model"], maintain_order=True).sort("model")
    return [f"{model}: {worlds}" for model, worlds in told.select("model", "worlds").iter_rows()]
