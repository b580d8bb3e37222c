"""Market: the one setting that chooses where bars come from."""

from __future__ import annotations

from pathlib import Path

import yaml

from assets.sources import Source
from assets.sources.files import FilesSpec
from assets.sources.synthetic_market import SyntheticMarketSpec


def parse_market(text: str) -> Source:
    """The source named by `synthetic_market`, `synthetic_market:SPEC.yaml` or `files:FOLDER`.

    raises  ValueError naming what was found and what is allowed
    """
    kind, _, place = text.partition(":")
    if kind == "synthetic_market":
        settings = yaml.safe_load(Path(place).read_text(encoding="utf-8")) if place else {}
        return SyntheticMarketSpec.model_validate(settings)
    if kind == "files" and place:
        return FilesSpec(folder=Path(place).resolve())
    raise ValueError(
        f"market '{text}' is not known; allowed: synthetic_market, synthetic_market:SPEC.yaml, files:FOLDER. "
        "Set MARKET=... on the make command, or KINDLING_MARKET in the environment."
    )
