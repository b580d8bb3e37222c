import importlib.util
import re
from pathlib import Path

import pytest

from assets.evaluation.leaderboard import Entry, leaderboard
from assets.evaluation.leaderboard_page import chosen, render_leaderboard


@pytest.fixture(scope="module")
def board():
    spec = importlib.util.spec_from_file_location("made", Path(__file__).with_name("test_leaderboard.py"))
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return leaderboard(
        [
            Entry("lucky", "lstm", 5, 4, made.summary(valid=0.02, test=0.09)),
            Entry("<best>", "linear", 5, 4, made.summary(valid=0.05, test=0.04)),
            Entry("pending", "lstm", 5, 4, made.summary(valid=None, test=None)),
        ]
    )


def test_the_chosen_one_is_named_with_its_verdict_although_another_did_better_on_the_test(board):
    (sentence,) = chosen(board)
    assert (
        sentence == "5 sessions: <best> was chosen on validation. RankIC .040 [.030, .050] over 244 sessions: above 0"
    )


def test_the_page_opens_offline_with_its_pictures_and_figures(board):
    files = render_leaderboard(board)
    html = files["leaderboard.html"].decode()
    assert set(files) == {"leaderboard.html", "rank_ic_by_experiment.png"}
    assert html.count("src='data:image/png;base64,") == 1
    assert not re.search(r"(?:src|href)=['\"]?https?:", html)
    assert "&lt;best&gt; (chosen)" in html
    assert "3 experiments looked at the same test sessions" in html
    assert html.index("&lt;best&gt; (chosen)") < html.index("lucky")
    assert render_leaderboard(board) == files


def test_a_board_without_experiments_is_a_page_without_pictures(board):
    assert set(render_leaderboard(board.head(0))) == {"leaderboard.html"}
