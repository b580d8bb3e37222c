"""Hash chain: records of which each carries the hash of the one before, so that none is changed or taken out unseen.

A chain alone cannot tell that its last records were cut off: who keeps one keeps its `Head` beside it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

START = "0" * 32
"""What the first record follows."""


class BrokenChainError(ValueError):
    """Raised for a chain of which a record was changed, taken out, moved or cut off."""


@dataclass(frozen=True)
class Link:
    """A record and its place in the chain.

    content   the record as JSON, its keys in order
    previous  hash of the link before
    hash      hash of `previous` and `content`
    """

    content: str
    previous: str
    hash: str

    @property
    def record(self) -> dict[str, object]:
        """The record by key."""
        found: dict[str, object] = json.loads(self.content)
        return found


@dataclass(frozen=True)
class Head:
    """How many links a chain has had, and the hash of the last of them."""

    links: int = 0
    hash: str = START


def extended(chain: Sequence[Link], record: Mapping[str, object]) -> list[Link]:
    """The chain with one more record at its end; values are what JSON can hold."""
    content = json.dumps(record, sort_keys=True, ensure_ascii=False)
    previous = head_of(chain).hash
    return [*chain, Link(content, previous, _hash(previous, content))]


def head_of(chain: Sequence[Link]) -> Head:
    """The head of a chain."""
    return Head(len(chain), chain[-1].hash) if chain else Head()


def verify(chain: Sequence[Link], head: Head) -> None:
    """Refuse a chain that is not whole.

    head    what was kept of it; a chain may have grown since
    raises  BrokenChainError that names the first link at fault, counted from 1
    """
    before = START
    for place, link in enumerate(chain, start=1):
        if link.previous != before:
            raise BrokenChainError(f"link {place} of {len(chain)} does not follow the one before it: one was taken out")
        if link.hash != _hash(before, link.content):
            raise BrokenChainError(f"link {place} of {len(chain)} was changed: {link.content}")
        before = link.hash
    if len(chain) < head.links:
        raise BrokenChainError(f"links {len(chain) + 1} to {head.links} were cut off")
    if head.links and chain[head.links - 1].hash != head.hash:
        raise BrokenChainError(f"link {head.links} of {len(chain)} is another one than was written")


def written(chain: Sequence[Link]) -> str:
    """The chain as text, one JSON object a line."""
    return "".join(f"{line}\n" for line in _lines(chain))


def read(text: str) -> list[Link]:
    """The chain of a text of `written`; not verified.

    raises  BrokenChainError for a line that is none
    """
    chain = []
    for place, line in enumerate(text.removesuffix("\n").split("\n") if text else [], start=1):
        try:
            found = json.loads(line)
            chain.append(Link(str(found["content"]), str(found["previous"]), str(found["hash"])))
        except (ValueError, KeyError, TypeError):
            raise BrokenChainError(f"line {place} is no link of a chain: {line[:80]!r}") from None
    return chain


def _lines(chain: Sequence[Link]) -> Iterator[str]:
    for link in chain:
        told = {"content": link.content, "previous": link.previous, "hash": link.hash}
        yield json.dumps(told, ensure_ascii=False)


def _hash(previous: str, content: str) -> str:
    return hashlib.blake2b(f"{previous}\n{content}".encode(), digest_size=16).hexdigest()
