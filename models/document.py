"""Document: what stands beside a fitted model's arrays and says how to read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from models.scaling import Scaler

DOCUMENT = "forecaster.json"


class Document(BaseModel):
    """Settings, columns and scaling of a fitted model; its weights lie in a file of their own in the same folder.

    loss          what a network minimised, by which its outputs are read
    unit          the return that one unit of its outputs stands for
    security_ids  names that a network knows
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: dict[str, Any]
    columns: tuple[str, ...]
    sequence_columns: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    scaler: Scaler | None = None
    loss: dict[str, Any] | None = None
    unit: float = 1.0
    security_ids: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write it into a folder, which is made when it is new."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DOCUMENT).write_text(self.model_dump_json(indent=1), encoding="utf-8")


def read_document(folder: Path) -> Document:
    """The document of a folder; ValueError when there is none."""
    path = folder / DOCUMENT
    if not path.is_file():
        raise ValueError(f"{folder} holds no {DOCUMENT}; give a folder that a forecaster was saved to")
    return Document.model_validate_json(path.read_text(encoding="utf-8"))
