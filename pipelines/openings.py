"""Openings: the records of opened holdouts, in a hash chain beside the trial ledger, and the sources that they open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from assets.hash_chain import Link
from assets.sources import Source
from assets.sources.holdout import Opening, Sealable, SealedRange
from pipelines.chain_file import ChainFile


def openings_of(folder: Path) -> tuple[Opening, ...]:
    """Every opening of any source, the first first; raises BrokenChainError where the record is not whole."""
    return _records(_file(folder).read())


def open_range(folder: Path, source: str, sealed: SealedRange, reason: str) -> tuple[Opening, ...]:
    """Record that a sealed range is open from now on; returns every opening of the source, this one last.

    raises  ValueError for a reason that says nothing, BrokenChainError where the record is not whole
    """
    opening = Opening(
        source=source, first=sealed.first, last=sealed.last, reason=reason.strip(), opened_at=datetime.now(UTC)
    )

    def following(chain: Sequence[Link]) -> Mapping[str, object]:
        return opening.model_dump(mode="json")

    return tuple(one for one in _records(_file(folder).grow(following)) if one.source == source)


def with_openings(source: Source, folder: Path) -> Source:
    """The source with what was opened of it; one without a holdout as it is."""
    if not isinstance(source, Sealable) or source.holdout() is None:
        return source
    return source.model_copy(update={"openings": openings_of(folder)})


def holdout_of(source: Source) -> SealedRange | None:
    """The dates that a source declares as sealed, opened or not; None where it declares none."""
    return source.holdout() if isinstance(source, Sealable) else None


def _records(chain: Sequence[Link]) -> tuple[Opening, ...]:
    return tuple(Opening.model_validate(link.record) for link in chain)


def _file(folder: Path) -> ChainFile:
    return ChainFile(folder / "openings.jsonl")
