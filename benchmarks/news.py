"""News: do the news features foretell a movement better than the commonest class, and than a bag of words?

Two public sets, each in time order: fitted on train, chosen by the Matthews correlation on validation, looked at on
test once. Ours is the project's ridge on the tone of signed words and the hashed counts, one fit for each class;
the peer is a bag of words weighted by rarity under a logistic regression, with and without equal weights of classes.
Intervals draw whole days of labels.

The folder of real data is `../shared` beside the project, or what KINDLING_SHARED says.
"""
# N samples, F features, K classes

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from assets.features.news_counts import NAMES
from benchmarks.classified import Estimate, accuracy, confusions, drawn, estimate, matthews
from benchmarks.news_samples import TEST, TRAIN, VALID, Samples, astock, missing, stocknet
from benchmarks.outcome import end, not_possible, options
from benchmarks.shared import SHARED
from models.linear import LinearSpec
from models.windows import Cells, TableLayout, Windows

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse penalties of the peer, the strongest penalty first."""

Places = NDArray[np.int64]
Floats = NDArray[np.float64]


def main() -> int:
    """Print the figures of both sets."""
    options(str(__doc__))
    if absent := missing(SHARED):
        return not_possible(f"{absent[0]} is absent; set KINDLING_SHARED to the folder shared")
    if importlib.util.find_spec("sklearn") is None:
        return not_possible("the peer is not installed: pip install scikit-learn")
    figures: dict[str, object] = {}
    for samples in (astock(SHARED), stocknet(SHARED)):
        figures |= judged(samples)
    return end(figures, [])


def judged(samples: Samples) -> dict[str, object]:
    """Figures of one set on its test days, for ours, the peer and the commonest class of train."""
    classes = int(samples.label_N.max()) + 1
    common = int(np.bincount(samples.label_N[samples.part_N == TRAIN]).argmax())
    foretold = {
        "": ridge(samples, classes),
        "bag_": bag_of_words(samples, classes),
        "majority": np.full(len(samples.label_N), common, dtype=np.int64),
    }
    # The last part is the one whose figures are kept.
    for part, name in ((VALID, "validation"), (TEST, "test")):
        inside_N = samples.part_N == part
        days = samples.day_N[inside_N]
        print(f"{samples.name}, {name}: {len(days):,} samples of {len(np.unique(days))} days up to {days.max()}")
        figures = _compared(samples, foretold, inside_N, classes)
    return {f"samples_{samples.name}": int(inside_N.sum())} | figures


def ridge(samples: Samples, classes: int) -> Places:
    """The classes [N] that ridge foretells from words, from runs of characters or from both, as validation says."""
    is_run_F = np.array([name in NAMES for name in samples.columns])
    asked = {"words": ~is_run_F, "runs": is_run_F, "both": np.ones_like(is_run_F)}
    found = {what: _foretold(samples, np.flatnonzero(of_F), classes) for what, of_F in asked.items()}
    return _best(samples, found, classes)


def _foretold(samples: Samples, columns: Places, classes: int) -> Places:
    """The class of each sample [N] whose ridge regression foretells most above its own mean on train.

    Means and spreads are those of train: how often a class came then is no forecast, since that moves with time.
    """
    labels = [(samples.label_N == label).astype(np.float64) for label in range(classes)]
    scores_KN = np.stack([_score(samples, columns, is_class_N) for is_class_N in labels])
    train_KN = scores_KN[:, samples.part_N == TRAIN]
    spread_K1 = np.maximum(train_KN.std(axis=1, keepdims=True), np.finfo(float).tiny)
    highest_N: Places = np.argmax((scores_KN - train_KN.mean(axis=1, keepdims=True)) / spread_K1, axis=0)
    return highest_N


def _best(samples: Samples, found: Mapping[str, Places], classes: int) -> Places:
    """The forecast with the highest Matthews correlation on validation; the first of equal ones."""
    inside_N = samples.part_N == VALID
    label_N, one_day = samples.label_N[inside_N], np.zeros(inside_N.sum())
    scores = {
        what: float(matthews(confusions(classes_N[inside_N], label_N, one_day, classes))[0])
        for what, classes_N in found.items()
    }
    chosen = max(scores, key=lambda what: scores[what])
    print(f"{samples.name}, validation: " + ", ".join(f"{what} {score:.4f}" for what, score in scores.items()))
    return found[chosen]


def _score(samples: Samples, columns: Places, is_class_N: Floats) -> Floats:
    """What a ridge foretells of a class, fitted on train, with the penalty of the best validation rank correlation."""
    x_N1F = samples.x_NF[:, None, columns]
    target_N = (is_class_N - is_class_N[samples.part_N == TRAIN].mean()).astype(np.float32)

    def cells(part: int) -> Cells:
        rows_B = np.flatnonzero(samples.part_N == part)
        return Cells(x_N1F, rows_B, np.zeros_like(rows_B), target_N[rows_B])

    layout = TableLayout(tuple(samples.columns[place] for place in columns), (), 1)
    spec = LinearSpec(look_back=1, penalties=PENALTIES)
    model = spec.fit(cells(TRAIN), cells(VALID), layout, seed=0, threads=1, report=lambda *_: None)
    names = np.full(len(x_N1F), "", dtype=np.str_)
    return model.predict(Windows(x_N1F, names, np.arange(len(x_N1F)))).forecast


def bag_of_words(samples: Samples, classes: int) -> Places:
    """The class that the peer foretells of each sample, [N]; where no spaces part words it takes runs of characters."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    train_N = samples.part_N == TRAIN
    kind = {"analyzer": "word"} if samples.words else {"analyzer": "char", "ngram_range": (1, 2)}
    bag = TfidfVectorizer(min_df=3, sublinear_tf=True, **kind)
    bag.fit([text for text, inside in zip(samples.texts, train_N, strict=True) if inside])
    x = bag.transform(samples.texts)
    found = {}
    for strength, weight in product(STRENGTHS, (None, "balanced")):
        model = LogisticRegression(C=strength, class_weight=weight, max_iter=2000)
        model.fit(x[train_N], samples.label_N[train_N])
        found[f"bag at C={strength:g}{' balanced' if weight else ''}"] = model.predict(x)
    return _best(samples, found, classes)


def _compared(
    samples: Samples, foretold: Mapping[str, Places], inside_N: NDArray[np.bool_], classes: int
) -> dict[str, object]:
    """Accuracy and Matthews correlation of each forecast, and ours less the others, on the same drawn days."""
    label_N, day_N = samples.label_N[inside_N], samples.day_N[inside_N]
    tables = {who: confusions(found_N[inside_N], label_N, day_N, classes) for who, found_N in foretold.items()}
    figures: dict[str, object] = {}
    for measure, name in ((accuracy, "accuracy"), (matthews, "mcc")):
        values = {who: float(measure(table.sum(axis=0)[None])[0]) for who, table in tables.items()}
        draws = {who: measure(drawn(table)) for who, table in tables.items()}
        for who in ("", "bag_"):
            figures |= _told(f"{who}{name}_{samples.name}", estimate(values[who], draws[who]))
        against = estimate(values[""] - values["bag_"], draws[""] - draws["bag_"])
        figures |= _told(f"{name}_less_bag_{samples.name}", against)
        if measure is accuracy:
            figures |= _told(f"majority_{samples.name}", estimate(values["majority"], draws["majority"]))
            above = estimate(values[""] - values["majority"], draws[""] - draws["majority"])
            figures |= _told(f"accuracy_less_majority_{samples.name}", above)
    return figures


def _told(key: str, found: Estimate) -> dict[str, object]:
    print(f"  {key:34} {found}")
    numbers = {key: found.value, f"{key}_lower": found.lower, f"{key}_upper": found.upper}
    return {name: round(number, 4) for name, number in numbers.items()}


if __name__ == "__main__":
    sys.exit(main())
