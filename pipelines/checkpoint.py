"""Checkpoint: the state of one fit as a file, whole or not at all, so that a killed process loses an epoch at most."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the last state that was saved to it; it is read as tensors and plain values, never as code.

    of  digest of the code and inputs of the fit: the state of another one is none of its own
    """

    path: Path
    of: str

    def load(self) -> dict[str, Any] | None:
        """The state; None where there is none of this fit."""
        import torch

        if not self.path.exists():
            return None
        kept: dict[str, Any] = torch.load(self.path, weights_only=True, map_location="cpu")
        return kept["state"] if kept["of"] == self.of else None

    def save(self, state: dict[str, Any]) -> None:
        """Write the state aside, and let it take the place of the one before."""
        import torch

        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(f".{uuid.uuid4().hex}")
        try:
            with aside.open("wb") as file:
                torch.save({"of": self.of, "state": state}, file)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self.path)
        finally:
            aside.unlink(missing_ok=True)

    def drop(self) -> None:
        """Forget it."""
        self.path.unlink(missing_ok=True)
