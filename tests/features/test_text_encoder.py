import socket
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from assets.features.text_encoder import LONGEST, TEXTS_AT_ONCE, TextEncoder, read_encoder

sys.path.insert(0, str(Path(__file__).parent))
from encoders import CARD, save_tiny

TEXTS = ["abc", "利好 涨", "", "z" * 500, *(f"{'ab' * number} 跌" for number in range(40))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("encoders") / "tiny")


def fresh(folder: Path) -> TextEncoder:
    return read_encoder(folder)


def test_a_text_has_the_mean_of_the_last_layer_over_its_own_tokens(folder):
    encoder = fresh(folder)
    import torch

    tokenizer, network = encoder._read
    with torch.inference_mode():
        states = network(**tokenizer(["abc"], return_tensors="pt")).last_hidden_state[0]
    np.testing.assert_allclose(encoder(["abc"])[0], states.mean(0).numpy(), atol=1e-6)
    assert encoder.card.knowledge_cutoff == date(2014, 12, 31)
    assert encoder(["abc"]).dtype == np.float32


def test_a_text_gives_the_same_bits_in_any_company(folder):
    assert len(TEXTS) > TEXTS_AT_ONCE
    together = fresh(folder)(TEXTS)
    for number in (0, 2, 3, len(TEXTS) - 1):
        np.testing.assert_array_equal(fresh(folder)(TEXTS[number : number + 1])[0], together[number])
    np.testing.assert_array_equal(fresh(folder)(TEXTS[::-1])[::-1], together)
    encoder = fresh(folder)
    encoder(TEXTS[5:9])
    np.testing.assert_array_equal(encoder([*TEXTS, *TEXTS]), np.concatenate([together, together]))


def test_only_the_beginning_of_a_text_is_read_and_no_text_gives_no_row(folder):
    long = "a " * LONGEST
    np.testing.assert_array_equal(fresh(folder)([long])[0], fresh(folder)([long + "z"])[0])
    assert fresh(folder)([]).shape == (0, 8)


def test_nothing_is_asked_of_the_network_while_an_encoder_is_read(folder, monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("somebody is called")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert fresh(folder)(["abc"]).shape == (1, 8)


def test_other_weights_or_another_card_are_another_encoder(folder, tmp_path):
    assert fresh(folder).digest == fresh(folder).digest
    other = save_tiny(tmp_path / "other", seed=1)
    assert fresh(other).digest != fresh(folder).digest
    before = fresh(other).digest
    (other / "card.yaml").write_text(CARD.replace("2014", "2013"))
    assert fresh(other).digest != before


def bare(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in {"card.yaml": CARD, "config.json": '{"hidden_size": 8}', "w.safetensors": "", **files}.items():
        if text is not None:
            (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"card.yaml": None}, r"write the card of a text encoder: name, knowledge_cutoff, licence there"),
        ({"card.yaml": "name: a\nlicence: b\n"}, "knowledge_cutoff: Field required"),
        ({"card.yaml": CARD + "cutoff: 1\n"}, "known keys are .*'knowledge_cutoff', 'licence', 'name'"),
        ({"w.safetensors": None, "pytorch_model.bin": ""}, r"\*\.safetensors, .*weights in another format are not rea"),
        ({"config.json": None}, r"an encoder needs config\.json"),
        ({"config.json": "{}"}, "hidden_size is None"),
    ],
)
def test_a_folder_that_is_no_encoder_is_refused_with_what_it_must_hold(files, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        read_encoder(bare(tmp_path / "bare", **files))


def test_without_the_package_it_is_told_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ValueError, match=r"needs transformers, which is not installed.*pip install .*\[encoder\]"):
        read_encoder(bare(tmp_path / "bare"))(["abc"])
