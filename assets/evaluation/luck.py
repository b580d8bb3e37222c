"""Luck: how much of one experiment's return is left once all that was tried on the same sessions is taken into account.

What is judged is the daily return in excess of the universe. Every figure has its unit and its definition; one that
cannot be told has no value, and its definition says why.
"""
# T sessions, N trials

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.aligned import Aligned, aligned, leads
from assets.evaluation.deflation import (
    CLOSE,
    clusters,
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    least_backtest,
    mean_correlation,
    trial_variance,
)
from assets.evaluation.intervals import LEAST_SESSIONS, SESSIONS_PER_YEAR, Figure
from assets.evaluation.overfitting import BLOCKS, overfitting
from assets.evaluation.sharpe import (
    Track,
    first_autocorrelation,
    haircut,
    least_track_record,
    probabilistic_sharpe,
)
from assets.evaluation.superior import superior

Floats = NDArray[np.float64]

Z_95 = 1.959964
LEAST_A_BLOCK = 10
UNIVERSE = "universe"
PER_YEAR = math.sqrt(SESSIONS_PER_YEAR)


@dataclass(frozen=True)
class Tried:
    """How many trials there were and how they differ.

    trials    N: with and without returns
    stored    those whose returns can be compared
    rho       mean correlation of two of these; NaN below two
    variance  of their Sharpe ratios per session; that of a ratio without skill below two
    """

    trials: int
    stored: int
    rho: float
    variance: float
    groups: int

    @property
    def worth(self) -> float:
        """N_eff, or all of them where their likeness cannot be told."""
        return float(self.trials) if math.isnan(self.rho) else effective_trials(self.trials, self.rho)


def figures(
    returns: pl.DataFrame, own: str, failed: int, baselines: Mapping[str, pl.DataFrame], seed: int = 0
) -> list[Figure]:
    """What is left of one experiment after all that was tried.

    returns    trial_id, session, excess_return: what every trial of the family earned, the judged one among them
    own        trial id of the one that is judged
    failed     trials of the family without returns; they were looks too, and count
    baselines  session, excess_return of each baseline, by its name
    raises     ValueError for a negative number of failed trials, and where the judged one has no returns
    """
    if failed < 0:
        raise ValueError(f"failed trials were {failed}; give 0 or more")
    family = aligned(returns, own)
    track = Track.of(family.own_T) if len(family.own_T) >= LEAST_SESSIONS else None
    if track is None or math.isnan(track.sharpe):
        why = f"not told: {len(family.own_T)} sessions of returns that change, at least {LEAST_SESSIONS} are needed"
        return [Figure.plain("sharpe_annual", math.nan, "per year", why)]
    tried = _tried(family, failed)
    return [
        *_alone(track),
        *_counts(tried, family, failed),
        *_deflated(track, tried, first_autocorrelation(family.own_T)),
        *_overfitted(family),
        *_superiority(UNIVERSE, "the equal-weight universe", family.x_TN, family, seed),
        *(line for name, it in baselines.items() for line in _superiority(name, name, leads(family, it), family, seed)),
    ]


def _tried(family: Aligned, failed: int) -> Tried:
    stored = len(family.trials)
    total = stored + family.left_out + failed
    moving = int((np.ptp(family.x_TN, axis=0) > 0).sum()) if len(family.x_TN) >= LEAST_SESSIONS else 0
    if moving < 2:
        return Tried(total, stored, math.nan, 1 / (len(family.own_T) - 1), stored)
    x_TN = family.x_TN
    return Tried(total, stored, mean_correlation(x_TN), trial_variance(x_TN), clusters(x_TN))


def _alone(track: Track) -> list[Figure]:
    annual, reach = track.sharpe * PER_YEAR, Z_95 * track.error * PER_YEAR
    length = least_track_record(track) / SESSIONS_PER_YEAR
    text = "record from which such a ratio would have a probability of .95"
    least = (length, text) if math.isfinite(length) else (math.nan, f"not told: the ratio is not above 0; {text}")
    return [
        Figure(
            "sharpe_annual",
            annual,
            annual - reach,
            annual + reach,
            "per year",
            f"mean / standard deviation of the daily excess return * sqrt({SESSIONS_PER_YEAR}); 95% by its moments "
            "and first autocorrelation",
        ),
        Figure.plain("luck_sessions", float(track.sessions), "sessions", "with a return"),
        Figure.plain(
            "psr", probabilistic_sharpe(track), "probability", "of a lower ratio than this one, were there no skill"
        ),
        Figure.plain("min_track_record", least[0], "years", least[1]),
    ]


def _counts(tried: Tried, family: Aligned, failed: int) -> list[Figure]:
    effective = math.nan if math.isnan(tried.rho) else tried.worth
    text = "independent trials that they are worth: N (1 - rho) + rho, rho their mean correlation"
    alone = "not told: fewer than two trials have returns to compare; "
    return [
        Figure.plain(
            "trials", float(tried.trials), "trials", "configurations tried on these sessions, failed ones too"
        ),
        Figure.plain("trials_failed", float(failed), "trials", "of these, without returns"),
        Figure.plain("trials_left_out", float(family.left_out), "trials", "of these, with returns on other sessions"),
        Figure.plain("trials_effective", effective, "trials", alone + text if math.isnan(effective) else text),
        Figure.plain(
            "trial_groups",
            float(tried.groups + tried.trials - tried.stored),
            "trials",
            f"groups with a mean correlation above {CLOSE:g}; each trial without returns to compare counts as one",
        ),
    ]


def _deflated(track: Track, tried: Tried, autocorrelation: float) -> list[Figure]:
    annual, luck = track.sharpe * PER_YEAR, expected_maximum(tried.worth, tried.variance) * PER_YEAR
    text = "of a lower ratio than this one, were the true one what luck alone makes of the best of {}"
    best = "ratio that the best of trials_effective shows on average without skill"
    if math.isnan(tried.rho) and tried.trials > 1:
        text += "; the spread of the trials is that of noise, as too few have returns to compare"
        best = "ratio that the best of all trials shows on average without skill"
    strict, fair = (deflated_sharpe(track, count, tried.variance) for count in (tried.trials, tried.worth))
    lines = [
        Figure.plain("luck_sharpe_annual", luck, "per year", best),
        Figure.plain("dsr", strict, "probability", text.format("all trials, as if each were another idea")),
        Figure.plain("dsr_effective", fair, "probability", text.format("trials_effective, all where not told")),
    ]
    cut = haircut(annual, track.sessions, SESSIONS_PER_YEAR, tried.trials, autocorrelation)
    text = "ratio that one try would need to be as unlikely: Bonferroni over all trials, corrected for autocorrelation"
    lines.append(Figure.plain("haircut_sharpe_annual", cut.sharpe, "per year", text))
    if annual > 0:
        text = "record within which the best of trials_effective is expected to show such a ratio without skill"
        lines.append(Figure.plain("min_backtest", least_backtest(tried.worth, annual), "years", text))
    return lines


def _overfitted(family: Aligned) -> list[Figure]:
    sessions, trials = family.x_TN.shape
    text = "share of halves of the sessions after which the trial chosen on them is not above the middle of all"
    if trials < 2 or sessions < BLOCKS * LEAST_A_BLOCK:
        why = f"not told: {trials} trials on {sessions} common sessions, needed are 2 on {BLOCKS * LEAST_A_BLOCK}; "
        return [Figure.plain("pbo", math.nan, "probability", why + text)]
    found = overfitting(family.x_TN)
    lines = [
        ("pbo", found.probability, "probability", f"{text}; one half is a blind choice"),
        ("pbo_slope", found.slope, "per unit", "by how much the ratio after rises with the ratio chosen by"),
        ("pbo_loss", found.loss, "probability", "share of halves after which the chosen trial lost"),
    ]
    return [Figure.plain(*line) for line in lines]


def _superiority(key: str, name: str, lead_TN: Floats, family: Aligned, seed: int) -> list[Figure]:
    if len(lead_TN) < LEAST_SESSIONS:
        why = f"not told: {len(lead_TN)} sessions in common with {name}, at least {LEAST_SESSIONS} are needed"
        return [Figure.plain(f"spa_p_{key}", math.nan, "probability", why)]
    if not lead_TN[:, family.place].any():
        why = f"not told: {name} has the very returns of this trial"
        return [Figure.plain(f"spa_p_{key}", math.nan, "probability", why)]
    found = superior(lead_TN, seed)
    told = f"{len(lead_TN)} sessions, drawn in blocks of {found.block:.1f}"
    lines = [
        ("spa_p", float(found.own_N[family.place]), f"such a lead of this trial over {name}, were no trial better"),
        ("spa_best_p", found.consistent, f"such a lead of the best trial over {name}, were none better (Hansen)"),
        ("reality_check_p", found.reality_check, f"the same, not studentised (White), over {name}"),
    ]
    return [Figure.plain(f"{metric}_{key}", value, "probability", f"{text}; {told}") for metric, value, text in lines]


def sentence(found: Sequence[Figure]) -> str:
    """The figures in a few plain sentences, for a reader who knows none of their names."""
    told = {figure.metric: figure for figure in found}
    if math.isnan(told["sharpe_annual"].value):
        return f"Whether this is luck cannot be told: {told['sharpe_annual'].definition.removeprefix('not told: ')}."
    parts = [_of_itself(told), _of_the_tries(told), _of_the_choice(told), *_of_the_rivals(found)]
    return " ".join(part for part in parts if part)


def _of_itself(told: Mapping[str, Figure]) -> str:
    ratio, sessions = told["sharpe_annual"], int(told["luck_sessions"].value)
    return (
        f"Return over risk (Sharpe ratio) is {ratio.value:.2f} a year [{ratio.lower:.2f}, {ratio.upper:.2f}] over "
        f"{sessions} sessions: without any skill, {_of_100(told['psr'].value)} records would look worse."
    )


def _of_the_tries(told: Mapping[str, Figure]) -> str:
    trials = int(told["trials"].value)
    if trials == 1:
        return "As far as is recorded, nothing else was tried on these sessions: nothing is taken off for choosing."
    probability, worth = told["dsr_effective"].value, told["trials_effective"].value
    alike = "" if math.isnan(worth) or trials - worth < 0.5 else f", worth {worth:.0f} that have nothing in common"
    enough = "more than luck in choosing gives" if probability >= 0.95 else "luck in choosing is enough to explain it"
    return (
        f"It is one of {trials} tried on these sessions{alike}. The best of as many without skill shows "
        f"{told['luck_sharpe_annual'].value:.2f} on average; were this one no better than that, "
        f"{_of_100(probability)} records would look worse: {enough}."
    )


def _of_the_choice(told: Mapping[str, Figure]) -> str:
    if math.isnan(told["pbo"].value):
        only = told["trials"].value == 1
        return "" if only else "Whether choosing among them overfits cannot be told: too few with returns, or sessions."
    return (
        f"The one that is best on one half of the sessions is in the worse half of them on the other in "
        f"{_of_100(told['pbo'].value)} cases (50 is a blind choice)."
    )


def _of_the_rivals(found: Sequence[Figure]) -> list[str]:
    rivals = [figure for figure in found if figure.metric.startswith("spa_p_")]
    texts = []
    for figure in rivals:
        name = figure.metric.removeprefix("spa_p_")
        if math.isnan(figure.value):
            texts.append(f"Against {name}: {figure.definition}.")
            continue
        said = "better than luck gives" if figure.value < 0.05 else "no lead told apart from luck"
        texts.append(f"Against {name}, all tries counted: {said} (p {figure.value:.3f}).")
    return texts


def _of_100(probability: float) -> str:
    """'93 of 100', never a certainty."""
    return f"{min(max(round(100 * probability), 1), 99)} of 100"
