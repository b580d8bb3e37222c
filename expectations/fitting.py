"""Fitting: whether anything that a fold fits follows rows that it must not have seen.

A metric shows little of a scaler that saw the test window; here the window is rewritten, and every fitted artefact
must be the same to the bit. That a rewritten train window moves them is asked for in the same breath: a fit that
follows nothing would show nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from expectations.fitting_rewrite import Frames, rewritten, rows_within
from expectations.forecasts_apart import STATED
from expectations.leakage import Windows

FIT_INSIDE_FOLD = pl.Schema(
    {
        "experiment": pl.String(),
        "fold": pl.String(),
        "replaced": pl.String(),
        "part": pl.String(),
        "demanded": pl.String(),
        "rows_replaced": pl.Int64(),
        "before": pl.String(),
        "after": pl.String(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
FIT_CONTROLS = pl.Schema(
    {"experiment": pl.String(), "fold": pl.String(), "parts_kept": pl.Int64(), "controls_moved": pl.Int64()}
)
SAME, OTHER = "same", "other"
TEST, VALID_AND_TEST, TRAIN = "test", "valid and test", "train"
HISTORY, FILES = "history", "files"
CONTROLS = 4
"""Rows of a fold that must move: files, history and forecasts with train, forecasts of test with test."""


@dataclass(frozen=True)
class FittedParts:
    """What one fit left behind.

    files      name of a file that the forecaster wrote, or of a part of it -> its bytes
    history    the metrics of every epoch, without times
    forecasts  session, security_id, segment (valid, test) and forecast, by the saved forecaster
    """

    files: Mapping[str, bytes]
    history: bytes
    forecasts: pl.DataFrame

    def digests(self) -> dict[str, str]:
        """Digest of each part that no row of the test window may move."""
        parts = {**self.files, HISTORY: self.history, "forecasts of valid": self._forecasts("valid")}
        return {name: _digest(content) for name, content in parts.items()}

    def controls(self) -> dict[str, str]:
        """Digests of all files together, of the history, and of the forecasts of either window."""
        files = b"".join(name.encode() + content for name, content in sorted(self.files.items()))
        parts = {
            FILES: files,
            HISTORY: self.history,
            "forecasts of valid": self._forecasts("valid"),
            "forecasts of test": self._forecasts("test"),
        }
        return {name: _digest(content) for name, content in parts.items()}

    def _forecasts(self, segment: str) -> bytes:
        rows = self.forecasts.filter(pl.col("segment") == segment).sort("session", "security_id")
        keys = rows["session"].cast(pl.String).str.join("|").item() or ""
        told = b"".join(rows[name].to_numpy().tobytes() for name in STATED if name in rows.columns)
        return f"{keys}{'|'.join(rows['security_id'])}".encode() + told


Fit = Callable[[Frames], FittedParts]


def fit_inside_fold(
    fit: Fit,
    frames: Frames,
    fold: Windows,
    experiment: str,
    train_only: Collection[str],
    hour: int,
    seed: int = 0,
) -> pl.DataFrame:
    """What of a fit moved when the test window, valid and test, and train were rewritten; one fit for each.

    fit         the real path, from the frames of a fold to what a fit leaves behind; the same frames, the same bits
    train_only  beginnings of the names of files that must not follow valid either: whatever transforms the inputs
    returns     FIT_INSIDE_FOLD: by part, that it stayed (demanded 'same') or, as the control, moved ('other')
    """
    spans = {
        TEST: (fold.test_start, fold.test_end),
        VALID_AND_TEST: (fold.valid_start, fold.test_end),
        TRAIN: (fold.train_start, fold.valid_start),
    }
    true = fit(frames)
    rows: list[dict[str, object]] = []
    for number, (replaced, span) in enumerate(spans.items()):
        other = fit(rewritten(frames, *span, hour, seed + number))
        found = _rows(replaced, true, other, tuple(train_only))
        told = {"experiment": experiment, "fold": fold.key, "rows_replaced": rows_within(frames, *span)}
        rows += [told | {"replaced": replaced} | row for row in found]
    moved = pl.DataFrame(rows, schema=FIT_INSIDE_FOLD)
    if moved.filter((pl.col("demanded") == SAME) & ~pl.col("passed")).is_empty():
        return moved
    return _said_why(moved, true.digests(), fit(frames).digests())


def controls(evidence: pl.DataFrame) -> pl.DataFrame:
    """By experiment and fold, how many parts stayed as demanded and how many controls moved."""
    return (
        evidence.group_by("experiment", "fold", maintain_order=True)
        .agg(
            parts_kept=((pl.col("demanded") == SAME) & pl.col("passed")).sum().cast(pl.Int64),
            controls_moved=((pl.col("demanded") == OTHER) & pl.col("passed")).sum().cast(pl.Int64),
        )
        .select(FIT_CONTROLS.names())
    )


def _rows(
    replaced: str, true: FittedParts, other: FittedParts, train_only: tuple[str, ...]
) -> Iterator[dict[str, object]]:
    before, after = true.digests(), other.digests()
    names = list(dict.fromkeys((*before, *after)))
    if replaced == TEST:
        yield from (_row(name, SAME, before, after, replaced) for name in names)
    if replaced == VALID_AND_TEST:
        yield from (_row(name, SAME, before, after, replaced) for name in names if name.startswith(train_only))
    before, after = true.controls(), other.controls()
    if replaced == TEST:
        yield _row("forecasts of test", OTHER, before, after, replaced)
    if replaced == TRAIN:
        yield from (_row(name, OTHER, before, after, replaced) for name in before if name != "forecasts of test")


def _row(
    part: str, demanded: str, before: Mapping[str, str], after: Mapping[str, str], replaced: str
) -> dict[str, object]:
    was, became = before.get(part), after.get(part)
    is_same = was == became
    found = None
    if demanded == SAME and not is_same:
        found = f"{part} follows the {replaced} window: {was} before, {became} after it was rewritten"
    if demanded == OTHER and is_same:
        found = f"{part} does not follow the {replaced} window: the check would see nothing"
    return {
        "part": part,
        "demanded": demanded,
        "before": was,
        "after": became,
        "first_example": found,
        "passed": found is None,
    }


def _said_why(moved: pl.DataFrame, true: Mapping[str, str], again: Mapping[str, str]) -> pl.DataFrame:
    """The same rows; a part that a second fit of the same rows does not give again is called what it is."""
    unlike = [part for part in true if true[part] != again.get(part)]
    failed = pl.col("part").is_in(unlike) & (pl.col("demanded") == SAME) & ~pl.col("passed")
    told = pl.format("{}; a second fit of the same rows gives another one too: it is not reproducible", "first_example")
    return moved.with_columns(first_example=pl.when(failed).then(told).otherwise("first_example"))


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=8).hexdigest()
