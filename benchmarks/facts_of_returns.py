"""Facts of returns: how far prices move, how unevenly, for how long, and how much together.

Returns are daily log returns of counted rows (see `market_sample`), close over the exchange's reference price. A
security's own return is its return less that of the equal-weighted market. A figure of securities is the median over
those with at least 60 values.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from benchmarks.market_sample import Sample
from benchmarks.moments import (
    FEWEST,
    Floats,
    autocorrelation,
    blocks,
    correlation,
    deviation,
    mean,
    middle,
    moment,
    share,
    spread,
)

BLOCK = 20
"""Sessions over which a volatility is realised, about a month."""
FEWEST_BLOCKS = 10
"""Blocks below which there is no telling how one follows on another."""
FAR = 4.0
"""Standard deviations beyond which a move is far out; a Gaussian goes there in 0.006% of sessions."""
COMPARED = 200
"""Securities in a correlation matrix: shares of components depend on how many there are."""


def return_scale(market: Sample) -> float:
    """Standard deviation of a security's daily return."""
    return middle(deviation(market.returns))


def market_scale(market: Sample) -> float:
    """Standard deviation of the market's daily return."""
    return float(deviation(_column(market.market))[0])


def dispersion(market: Sample) -> float:
    """Cross-sectional standard deviation of returns within a session, median over sessions."""
    return middle(_dispersions(market))


def tail_kurtosis(market: Sample) -> float:
    """Excess kurtosis of a security's own return: 0 for a Gaussian."""
    return middle(_kurtosis(market.own))


def tail_share(market: Sample) -> float:
    """Share of own returns beyond four of the security's standard deviations."""
    scaled = market.own / deviation(market.own)
    return share(np.abs(scaled) > FAR, ~np.isnan(scaled))


def own_skewness(market: Sample) -> float:
    """Skewness of a security's own return; above 0 where rises are wilder than falls."""
    return middle(_skewness(market.own))


def market_kurtosis(market: Sample) -> float:
    """Excess kurtosis of the market's return."""
    return float(_kurtosis(_column(market.market))[0])


def market_skewness(market: Sample) -> float:
    """Skewness of the market's return; below 0 where falls are wilder than rises."""
    return float(_skewness(_column(market.market))[0])


def market_falls(market: Sample) -> float:
    """Share of sessions in which the market falls by more than 3%."""
    return float(np.mean(market.market < np.log(0.97)))


def market_rises(market: Sample) -> float:
    """Share of sessions in which the market rises by more than 3%."""
    return float(np.mean(market.market > np.log(1.03)))


def own_clustering_1(market: Sample) -> float:
    """Autocorrelation of the size of a security's own return after 1 session."""
    return middle(autocorrelation(np.abs(market.own), 1))


def own_clustering_5(market: Sample) -> float:
    """Autocorrelation of the size of a security's own return after 5 sessions."""
    return middle(autocorrelation(np.abs(market.own), 5))


def own_clustering_20(market: Sample) -> float:
    """Autocorrelation of the size of a security's own return after 20 sessions."""
    return middle(autocorrelation(np.abs(market.own), 20))


def market_clustering_1(market: Sample) -> float:
    """Autocorrelation of the size of the market's return after 1 session."""
    return float(autocorrelation(np.abs(_column(market.market)), 1)[0])


def market_clustering_5(market: Sample) -> float:
    """Autocorrelation of the size of the market's return after 5 sessions."""
    return float(autocorrelation(np.abs(_column(market.market)), 5)[0])


def market_clustering_20(market: Sample) -> float:
    """Autocorrelation of the size of the market's return after 20 sessions."""
    return float(autocorrelation(np.abs(_column(market.market)), 20)[0])


def market_regimes(market: Sample) -> float:
    """Standard deviation of the log of the market's volatility over blocks of 20 sessions."""
    return spread(np.log(_regimes(market.market)))


def market_regime_persistence(market: Sample) -> float:
    """Correlation of the log of the market's volatility in one block of 20 sessions with that in the next."""
    log_volatility = np.log(_regimes(market.market))
    if len(log_volatility) < FEWEST_BLOCKS:
        return float("nan")
    return float(np.corrcoef(log_volatility[1:], log_volatility[:-1])[0, 1])


def own_regimes(market: Sample) -> float:
    """Standard deviation over time of the log of a security's own volatility over blocks of 20 sessions."""
    log_volatility = np.log(blocks(market.own, BLOCK))
    enough = (~np.isnan(log_volatility)).sum(axis=0) * BLOCK >= FEWEST
    apart = log_volatility - mean(log_volatility)
    return middle(np.sqrt(np.where(enough, mean(apart**2), np.nan)))


def dispersion_persistence(market: Sample) -> float:
    """Autocorrelation of the log of the cross-sectional dispersion after 20 sessions."""
    return float(autocorrelation(np.log(_column(_dispersions(market))), BLOCK)[0])


def own_variance_ratio(market: Sample) -> float:
    """Variance of own returns over 5 sessions to 5 times that of one: 1 plus what autocorrelation adds."""
    return middle(_variance_ratio(market.own, 5))


def market_variance_ratio(market: Sample) -> float:
    """Variance of the market's returns over 5 sessions to 5 times that of one: 1 plus what autocorrelation adds."""
    return float(_variance_ratio(_column(market.market), 5)[0])


def leverage(market: Sample) -> float:
    """Correlation of the market's return with the mean size of its moves in the 5 sessions after."""
    size = np.abs(market.market)
    later = np.mean([size[k : len(size) - 5 + k] for k in range(1, 6)], axis=0)
    return float(correlation(_column(market.market[:-5]), _column(later))[0])


def pairwise_correlation(market: Sample) -> float:
    """Mean correlation between the returns of two securities."""
    return float(mean(_off_diagonal(_correlations(market.returns))))


def first_component(market: Sample) -> float:
    """Share of variance of the first principal component of standardised returns of 200 securities."""
    return float(_shares(market.returns)[0])


def group_components(market: Sample) -> float:
    """Share of variance of the first five components of standardised own returns: industries and styles."""
    return float(_shares(market.own)[:5].sum())


def volatility_spread(market: Sample) -> float:
    """Standard deviation across securities of the log of the volatility of own returns."""
    return spread(np.log(deviation(market.own)))


def beta_spread(market: Sample) -> float:
    """Standard deviation across securities of the market beta."""
    common = np.where(np.isnan(market.returns), np.nan, market.market[:, None])
    betas = correlation(market.returns, common) * deviation(market.returns) / deviation(common)
    return spread(betas)


def _column(values_T: Floats) -> Floats:
    return values_T[:, None]


def _kurtosis(values: Floats) -> Floats:
    return np.asarray(moment(values, 4) / moment(values, 2) ** 2 - 3.0)


def _skewness(values: Floats) -> Floats:
    return np.asarray(moment(values, 3) / moment(values, 2) ** 1.5)


def _dispersions(market: Sample) -> Floats:
    return np.asarray(np.sqrt(mean(market.own**2, axis=1)))


def _regimes(values_T: Floats) -> Floats:
    found = blocks(_column(values_T), BLOCK)[:, 0]
    return found[found > 0]


def _variance_ratio(values: Floats, sessions: int) -> Floats:
    """Variance of sums over runs of sessions without a gap to that of one session, over their number, [S]."""
    sums = np.sum([values[k : len(values) - sessions + 1 + k] for k in range(sessions)], axis=0)
    return np.asarray(moment(sums, 2) / (sessions * moment(values, 2)))


def _correlations(values: Floats) -> Floats:
    """Correlations between up to 200 securities that move, evenly spaced by name; each pair over all cells."""
    held = values[:, deviation(values) > 0]
    chosen = held[:, np.linspace(0, held.shape[1] - 1, min(COMPARED, held.shape[1])).round().astype(int)]
    present = ~np.isnan(chosen)
    scaled = np.where(present, (chosen - mean(chosen)) / deviation(chosen), 0.0)
    pairs = present.T.astype(float) @ present.astype(float)
    return np.asarray(scaled.T @ scaled / np.maximum(pairs, 1.0))


def _off_diagonal(matrix: Floats) -> Floats:
    return matrix[~np.eye(len(matrix), dtype=bool)]


def _shares(values: Floats) -> Floats:
    """Shares of variance of the principal components, the largest first."""
    correlations = _correlations(values)
    if not len(correlations):
        return np.array([np.nan])
    eigenvalues = np.linalg.eigvalsh(correlations)[::-1]
    return np.asarray(eigenvalues / eigenvalues.sum())


FACTS = (
    return_scale,
    market_scale,
    dispersion,
    tail_kurtosis,
    tail_share,
    own_skewness,
    market_kurtosis,
    market_skewness,
    market_falls,
    market_rises,
    own_clustering_1,
    own_clustering_5,
    own_clustering_20,
    market_clustering_1,
    market_clustering_5,
    market_clustering_20,
    market_regimes,
    market_regime_persistence,
    own_regimes,
    dispersion_persistence,
    own_variance_ratio,
    market_variance_ratio,
    leverage,
    pairwise_correlation,
    first_component,
    group_components,
    volatility_spread,
    beta_spread,
)
