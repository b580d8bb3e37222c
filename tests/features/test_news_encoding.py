import sys
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.features.news_encoding import news_encoding
from assets.features.text_encoder import EncoderCard, TextEncoder, read_encoder
from assets.sources.synthetic_market import SyntheticMarketSpec
from pipelines.project import load_project
from pipelines.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))
from encoders import save_tiny
from told import SESSIONS, at, bars_of, calendar_of, random_news, told

CARD = EncoderCard(name="lengths", knowledge_cutoff=date(2014, 12, 31), licence="CC0-1.0")
EXPERIMENT = (
    "question: Does an encoder help?\nfeatures: [price_volume, news_encoding]\nmodel: {kind: linear}\n"
    "walk_forward: {first_test: 2015-07-01, train: 24mo, valid: 6mo, test: 6mo}\n"
)


class Lengths(TextEncoder):
    """Encodes a text as its length and its first letter."""

    def __call__(self, texts):
        return np.array([[len(text), ord(text[0])] for text in texts], dtype=np.float32).reshape(len(texts), 2)


LENGTHS = news_encoding(Lengths(Path(), CARD, 2, ""))


def computed(news, bars, sessions=SESSIONS):
    frames = {"news": news.lazy(), "bars": bars.lazy(), "calendar": calendar_of(sessions).lazy()}
    return LENGTHS.schema.validate(LENGTHS.function(**frames).collect())


def cells(table, security, session):
    return table.filter(security_id=security, session=session).select("encoding_000", "encoding_001").row(0)


def test_vectors_count_from_their_first_decision_on_halve_every_three_sessions_and_add_up():
    late = at(SESSIONS[30], 20) + timedelta(microseconds=1)
    table = computed(told(("1", "a", "up", "a", at(SESSIONS[30], 20)), ("2", "a", "b", None, late)), bars_of("ab"))
    assert cells(table, "a", SESSIONS[29]) == (0, 0)
    assert cells(table, "a", SESSIONS[30]) == (4, ord("u"))
    fading = 2 ** (-1 / 3)
    assert cells(table, "a", SESSIONS[31]) == pytest.approx((4 * fading + 2, ord("u") * fading + ord("b")))
    assert cells(table, "b", SESSIONS[31]) == (0, 0)
    assert cells(table, "a", SESSIONS[51]) == (0, 0)
    assert cells(table, "a", SESSIONS[18]) == (None, None)


@pytest.mark.parametrize("seed", range(3))
def test_more_earlier_sessions_and_news_change_no_bit(seed):
    news, bars = random_news(seed), bars_of("ab")
    whole = computed(news, bars)
    start = SESSIONS[15]
    recent = computed(
        news.filter(pl.col("known_on") >= start), bars.filter(pl.col("session") >= start), SESSIONS.slice(15)
    )
    inside = pl.col("session") >= SESSIONS[40]
    assert_frame_equal(whole.filter(inside), recent.filter(inside), check_exact=True)
    assert recent.filter(inside)["encoding_000"].n_unique() > 20


def settings_of(folder: Path, encoder: Path | None) -> Settings:
    experiments = folder / "experiments"
    experiments.mkdir(exist_ok=True)
    (experiments / "study.yaml").write_text(EXPERIMENT)
    return Settings(
        "synthetic_market", "m", SyntheticMarketSpec(), folder, str(folder / "w"), "sqlite://", experiments, encoder
    )


def test_without_an_encoder_the_group_does_not_exist_and_who_names_it_is_told_how_to_set_it_up(tmp_path):
    told = r"features names unknown groups \['news_encoding'\].*KINDLING_ENCODER names the fol"
    with pytest.raises(ValueError, match=told):
        load_project(settings_of(tmp_path, None))


def test_with_an_encoder_the_group_stands_in_the_graph_and_another_encoder_is_another_version(tmp_path):
    one, other = (save_tiny(tmp_path / name, seed) for seed, name in enumerate(("one", "other")))
    nodes = [load_project(settings_of(tmp_path, each)).graph.lineage.nodes for each in (one, one, other)]
    versions = [found["features/news_encoding"].code_version for found in nodes]
    assert versions[0] == versions[1] != versions[2]
    assert nodes[0]["features/price_volume"].code_version == nodes[2]["features/price_volume"].code_version
    encoder = read_encoder(one)
    declared = news_encoding(encoder)
    assert declared.knowledge_cutoff == date(2014, 12, 31)
    frames = {"news": random_news(0), "bars": bars_of("ab"), "calendar": calendar_of()}
    table = declared.schema.validate(declared.function(**{name: f.lazy() for name, f in frames.items()}).collect())
    assert table.width == 2 + encoder.width
    assert (table.drop("session", "security_id").std().row(0) > np.zeros(8)).all()
