"""Text encoder: a frozen network in a local folder that turns a text into a vector, with a card that says what it is.

Nothing is fetched and nothing of the folder is executed: weights are safetensors, code is that of `transformers`.
"""
# N texts, B batch, L tokens, V values of a vector

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from assets.sources.yaml_settings import read_yaml

CARD = "card.yaml"
LONGEST = 64
"""Tokens of a text that are read; what a piece is about stands at its beginning."""
# Every batch has this shape, the last one filled up: the same text then gives the same bits in any company.
TEXTS_AT_ONCE = 32

Vectors = NDArray[np.float32]


class EncoderCard(BaseModel):
    """What must be known of an encoder before its vectors may be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    knowledge_cutoff: date = Field(description="last day of which the texts that it was trained on may tell")
    licence: str = Field(min_length=1)


@dataclass(frozen=True)
class TextEncoder:
    """An encoder of a folder; its network is read when the first text is encoded.

    digest  of every file of the folder: another encoder is another version of what it made
    """

    folder: Path
    card: EncoderCard
    width: int
    digest: str
    _known: dict[str, Vectors] = field(default_factory=dict, repr=False, compare=False)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Mean of the last layer over the tokens of each text, [N, V]; equal texts are encoded once."""
        # Seconds that only those who have an encoder should wait.
        import torch

        from models.network import on_threads

        new = sorted(set(texts) - set(self._known))
        with torch.inference_mode(), on_threads(1):
            for start in range(0, len(new), TEXTS_AT_ONCE):
                part = new[start : start + TEXTS_AT_ONCE]
                self._known.update(zip(part, self._encoded(part), strict=True))
        return np.array([self._known[text] for text in texts], dtype=np.float32).reshape(len(texts), self.width)

    def _encoded(self, texts: list[str]) -> Vectors:
        tokenizer, network = self._read
        filled = texts + [""] * (TEXTS_AT_ONCE - len(texts))
        tokens = tokenizer(filled, padding="max_length", truncation=True, max_length=LONGEST, return_tensors="pt")
        states_BLV = network(**tokens).last_hidden_state
        mask_BL1 = tokens["attention_mask"][..., None].float()
        means_BV = (states_BLV * mask_BL1).sum(1) / mask_BL1.sum(1).clamp(min=1)
        vectors: Vectors = means_BV.numpy()[: len(texts)]
        return vectors

    @cached_property
    def _read(self) -> tuple[Any, Any]:
        try:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils.logging import disable_progress_bar
        except ImportError as error:
            raise ValueError(
                f"the encoder in {self.folder} needs transformers, which is not installed ({error}); "
                "pip install --constraint constraints.txt '.[encoder]'"
            ) from None
        disable_progress_bar()
        here: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(str(self.folder), **here)
        network = AutoModel.from_pretrained(str(self.folder), use_safetensors=True, attn_implementation="eager", **here)
        return tokenizer, network.float().eval()


def read_encoder(folder: Path) -> TextEncoder:
    """The encoder of a folder that holds card.yaml, config.json, *.safetensors and the files of a tokenizer.

    raises  ValueError that says what lacks, and what the folder must hold
    """
    card = read_yaml(folder / CARD, EncoderCard, "card of a text encoder: name, knowledge_cutoff, licence")
    files = sorted(path for path in folder.iterdir() if path.is_file())
    names = [path.name for path in files]
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise ValueError(
            f"{folder} holds {names}; an encoder needs config.json and its weights as *.safetensors, beside the files "
            "of its tokenizer. Save it with `save_pretrained`; weights in another format are not read."
        )
    width = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("hidden_size")
    if not isinstance(width, int):
        raise ValueError(f"{folder / 'config.json'}: hidden_size is {width!r}; it must say the width of a vector")
    digest = hashlib.blake2b(digest_size=16)
    for path in files:
        with path.open("rb") as content:
            digest.update(f"{path.name} {hashlib.file_digest(content, 'sha256').hexdigest()}\n".encode())
    return TextEncoder(folder, card, width, digest.hexdigest())
