"""A tiny encoder with random weights, saved as one that was trained would be."""

from pathlib import Path

import pytest

CARD = "name: tiny\nknowledge_cutoff: 2014-12-31\nlicence: CC0-1.0\n"
LETTERS = "abcdefghijklmnopqrstuvwxyz利好空跌涨停牌"


def save_tiny(folder: Path, seed: int = 0, width: int = 8) -> Path:
    """A BERT of one layer whose words are single letters; skips the test where transformers is not installed."""
    transformers = pytest.importorskip("transformers")
    import torch

    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=width, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        transformers.BertModel(config).save_pretrained(folder)
    tokenizer = transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    (folder / "card.yaml").write_text(CARD)
    return folder
