"""Anchors of overfitting: Sharpe ratios and their luck, haircuts, the probability of overfitting."""

from __future__ import annotations

import math
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.deflation import deflated_sharpe, expected_maximum, least_backtest, sharpes
from assets.evaluation.overfitting import Overfitting, overfitting
from assets.evaluation.sharpe import Haircut, Track, haircut, least_track_record, probabilistic_sharpe
from benchmarks.anchor import Anchor

Floats = NDArray[np.float64]

PSR = "Bailey, Lopez de Prado 2012"
DSR = "Bailey, Lopez de Prado 2014"
MIN_BTL = "Bailey, Borwein, Lopez de Prado, Zhu 2014"
CSCV = "Bailey, Borwein, Lopez de Prado, Zhu 2017"
HAIRCUT = "Harvey, Liu 2015"
VARIANCE = 0.5 / 250
WORLDS, STRATEGIES = 200, 200


def anchors() -> list[Anchor]:
    """All of them."""
    return [*_maxima(), *_deflated(), *_lengths(), *_haircuts(), *_cases(), *_draws()]


def _maxima() -> list[Anchor]:
    known = {
        2: "0.51976",
        5: "1.19259",
        10: "1.57460",
        20: "1.90071",
        45: "2.23564",
        100: "2.5306028932",
        1000: "3.25512",
    }
    return [Anchor(f"expected maximum of {n}", text, partial(expected_maximum, n), DSR) for n, text in known.items()]


def _deflated() -> list[Anchor]:
    skewed, normal = _track(-3.0, 10.0), _track(0.0, 3.0)
    luck = expected_maximum(100, VARIANCE)
    known = [(skewed, 100, "0.9003968344"), (skewed, 46, "0.95050")]
    known += [(normal, 88, "0.95049"), (normal, 100, "0.94277"), (normal, 46, "0.97874")]
    return [
        Anchor("ratio of the best of 100", "0.1131720", lambda: luck, DSR),
        Anchor("the same, annual", "1.7894", lambda: luck * math.sqrt(250), DSR),
        Anchor("z of the deflated ratio", "1.28382", lambda: (skewed.sharpe - luck) / skewed.error, DSR),
        *(
            Anchor(
                f"DSR, N {trials}, skewness {track.skewness:g}",
                text,
                partial(deflated_sharpe, track, trials, VARIANCE),
                DSR,
            )
            for track, trials, text in known
        ),
        Anchor("largest share of 200 without skill with DSR > .95", "0.000", _share_without_skill, "simulated"),
    ]


def _lengths() -> list[Anchor]:
    fund = Track(1.585 / math.sqrt(12), -2.448, 10.164, 24)
    monthly = Track(3 / math.sqrt(12), -0.72, 5.78, 134)
    return [
        Anchor("PSR of 24 months", "0.9132343069", lambda: probabilistic_sharpe(fund), PSR),
        Anchor(
            "MinTRL in years, daily", "2.7311878017", lambda: _years(Track(2 / math.sqrt(250), 0, 3, 250), 250), PSR
        ),
        Anchor("MinTRL in years, weekly", "2.8288335869", lambda: _years(Track(2 / math.sqrt(52), 0, 3, 52), 52), PSR),
        Anchor("MinTRL in years, monthly, skewed", "27.3529201960", lambda: _years(monthly, 12, 2.5), PSR),
        Anchor("MinBTL in years, best of 45", "4.9980870044", lambda: least_backtest(45, 1.0), MIN_BTL),
    ]


def _haircuts() -> list[Anchor]:
    one, two, three = haircut(1, 120, 12, 100, 0.1), haircut(0.75, 240, 12, 200), haircut(2, 120, 12, 100)
    known: list[tuple[str, str, Haircut, str]] = [
        ("ratio 1, autocorrelated", "0.912245", one, "autocorrelated"),
        ("ratio 1, t", "2.88477", one, "t"),
        ("ratio 1, p", "0.0046512", one, "p"),
        ("ratio 1, p of 100 tries", "0.465123", one, "p_adjusted"),
        ("ratio 1, what is left", "0.231731", one, "sharpe"),
        ("ratio 1, share cut", "0.74598", one, "share"),
        ("ratio .75, p of 200 tries", "0.185161", two, "p_adjusted"),
        ("ratio .75, what is left", "0.297142", two, "sharpe"),
        ("ratio .75, share cut", "0.604", two, "share"),
        ("ratio 2, what is left", "1.687133", three, "sharpe"),
        ("ratio 2, share cut", "0.156", three, "share"),
    ]
    return [Anchor(f"haircut, {name}", text, partial(getattr, it, part), HAIRCUT) for name, text, it, part in known]


def _cases() -> list[Anchor]:
    hand = overfitting(
        np.array([[4, 1, 0], [4, 1, 0], [-2, 1, 0], [-2, 1, 0]], dtype=np.float64), blocks=4, metric="mean"
    )
    noise = np.random.default_rng(0).standard_normal((1000, 100))
    turned = overfitting(noise - noise.mean(axis=0), blocks=8, metric="mean")
    leader = noise.copy()
    leader[:, 0] = np.abs(noise).max(axis=1) + 1
    logits = ("-1.0986", "0.5108", "0.5108", "0.5108", "0.5108", "0.0000")
    return [
        *(
            Anchor(f"PBO by hand, logit {k}", text, partial(hand.logit_C.item, k), CSCV)
            for k, text in enumerate(logits)
        ),
        Anchor("PBO by hand", "0.3333", lambda: hand.probability, CSCV),
        Anchor("PBO by hand, strictly below", "0.1667", lambda: float((hand.logit_C < 0).mean()), CSCV),
        Anchor("equal totals, lowest logit", "-4.6052", lambda: float(turned.logit_C.min()), CSCV),
        Anchor("equal totals, highest logit", "-4.6052", lambda: float(turned.logit_C.max()), CSCV),
        Anchor("equal totals, PBO", "1", lambda: turned.probability, CSCV),
        Anchor("one leads in every block, PBO", "0", lambda: overfitting(leader, 8, "mean").probability, CSCV),
    ]


def _draws() -> list[Anchor]:
    source = "simulated: seeds 100 to 139"
    skilful = {1: "0.44", 2: "0.24", 3: "0.06", 5: "0.00"}
    return [
        Anchor("PBO of noise, mean", "0.543", lambda: float(np.mean(_of_noise())), source),
        Anchor("PBO of noise, deviation", "0.151", lambda: float(np.std(_of_noise())), source),
        Anchor("PBO of noise, lowest", "0.26", lambda: min(_of_noise()), source),
        Anchor("PBO of noise, highest", "0.93", lambda: max(_of_noise()), source),
        *(
            Anchor(
                f"PBO, one of 100 has ratio {ratio}", text, partial(_with_skill, ratio), "simulated: seeds 200 to 219"
            )
            for ratio, text in skilful.items()
        ),
    ]


def _track(skewness: float, kurtosis: float) -> Track:
    return Track(2.5 / math.sqrt(250), skewness, kurtosis, 1250)


def _years(track: Track, per_year: int, benchmark: float = 1.0) -> float:
    return least_track_record(track, benchmark / math.sqrt(per_year)) / per_year


def _drawn(seed: int, annual: float = 0.0) -> Overfitting:
    x_TN = np.random.default_rng(seed).standard_normal((1000, 100))
    x_TN[:, 0] += annual / math.sqrt(252)
    return overfitting(x_TN, blocks=8)


@cache
def _of_noise() -> tuple[float, ...]:
    return tuple(_drawn(seed).probability for seed in range(100, 140))


def _with_skill(annual: float) -> float:
    return float(np.mean([_drawn(seed, annual).probability for seed in range(200, 220)]))


def _share_without_skill() -> float:
    """Of 200 independent strategies without skill, how many have a DSR above .95; the most in any of 200 worlds."""
    most = 0.0
    for seed in range(WORLDS):
        x_TN = np.random.default_rng(seed).standard_normal((1000, STRATEGIES))
        ratio_N = sharpes(x_TN)
        variance = float(ratio_N.var(ddof=1))
        best = Track.of(x_TN[:, int(ratio_N.argmax())])
        if deflated_sharpe(best, STRATEGIES, variance) > 0.95:
            told = [deflated_sharpe(Track.of(x_T), STRATEGIES, variance) for x_T in x_TN.T]
            most = max(most, float(np.mean(np.array(told) > 0.95)))
    return most
