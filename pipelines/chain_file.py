"""Chain file: a hash chain on disk that only grows, whole after a crash, and one process at a time lets it grow.

Its head lies beside it, so that a chain whose end was cut off is seen too.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from assets.hash_chain import BrokenChainError, Head, Link, extended, head_of, read, verify, written

Next = Callable[[Sequence[Link]], Mapping[str, object] | None]
WHAT_TO_DO = (
    "Nothing is counted, trained or reported on a ledger that is not whole. Does KINDLING_TRIALS name the folder that "
    "it named before? If so, put both files back from a copy; where there is none, move them away, which begins a new "
    "ledger, and say with every figure of yours that the old one is lost."
)


@dataclass(frozen=True)
class ChainFile:
    """A chain as text, one record a line, and its head in `<name>.head`."""

    path: Path

    @property
    def head_path(self) -> Path:
        """Where the head lies."""
        return self.path.with_suffix(".head")

    def read(self) -> list[Link]:
        """The chain, verified; empty where there is none yet.

        raises  BrokenChainError naming file and fault, and what to do
        """
        # The head first: it is written last, so that a chain that grows meanwhile is never behind it.
        try:
            head = self._head()
            chain = read(self.path.read_text(encoding="utf-8")) if self.path.exists() else []
            if len(chain) > 1 and not head.links:
                raise BrokenChainError(f"its head {self.head_path.name} is not there")
            verify(chain, head)
        except (BrokenChainError, UnicodeError) as error:
            raise BrokenChainError(f"{self.path} is cut or was edited: {error}. {WHAT_TO_DO}") from None
        return chain

    def grow(self, following: Next) -> list[Link]:
        """Add the record that follows on the chain, or none; returns the chain as it is then.

        following  takes the chain as it is while no other process can let it grow
        raises     as `read`
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock")):
            chain = self.read()
            record = following(chain)
            if record is not None:
                chain = extended(chain, record)
                _replace(self.path, written(chain))
                _replace(self.head_path, json.dumps(asdict(head_of(chain))))
        return chain

    def _head(self) -> Head:
        if not self.head_path.exists():
            return Head()
        try:
            return Head(**json.loads(self.head_path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            raise BrokenChainError(f"its head {self.head_path.name} cannot be read") from None


def _replace(path: Path, text: str) -> None:
    """Write a file aside, to the disk, and let it take the place of the one before."""
    aside = path.with_name(f".{path.name}.writing")
    with aside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
