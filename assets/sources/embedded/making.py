"""Market making: from a law to a whole market, step by step."""
# D drifts, T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from assets.sources.embedded import pumps
from assets.sources.embedded.bars import Tape
from assets.sources.embedded.calendar import sessions_from
from assets.sources.embedded.events import Events, draw_events
from assets.sources.embedded.facts import Facts, Information, draw_information
from assets.sources.embedded.industries import Industries, draw_industries
from assets.sources.embedded.listings import Listings, draw_listings
from assets.sources.embedded.noise import PARTS, Draws, draw_noise
from assets.sources.embedded.path import Path, walk
from assets.sources.embedded.ranges import draw_slack
from assets.sources.embedded.signal import Component, confirmed, states
from assets.sources.embedded.streams import Bools, Floats, Places, Singles, Streams
from assets.sources.embedded.strength import HORIZON, Drift, sample, strengths
from assets.sources.embedded.truth import REVERSAL, SIZE, VOLATILITY, Truth, fall_factor
from assets.sources.embedded.unforeseen import Noise
from assets.sources.embedded.volume import Companies, draw_companies, draw_spikes, log_turnover
from expectations.tables import RawBars, Table

if TYPE_CHECKING:
    from assets.sources.synthetic_market import SyntheticMarketSpec


@dataclass(frozen=True)
class Stage:
    """What a market has before anything is foretold."""

    law: SyntheticMarketSpec
    streams: Streams
    sessions: tuple[date, ...]
    listings: Listings
    companies: Companies
    industries: Industries
    industry_TS: np.ndarray
    events: Events
    noise: Noise
    is_spike_TS: Bools
    trades_TS: Bools
    information: Information

    @property
    def draws(self) -> Draws:
        """The noise before it is put together."""
        return self.noise.draws


@dataclass(frozen=True)
class Strengths:
    """Strength of each drift, and the deviation of all drifts together in noise scales."""

    strong_D: Floats
    fall_norm: float


@dataclass(frozen=True)
class Market:
    """A market made whole."""

    tape: Tape
    facts: Facts
    truth: Truth
    strengths: Strengths

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows of a raw table from first to last."""
        return self.tape.bars(first, last) if table is RawBars else self.facts.read(table, first, last)


def make(law: SyntheticMarketSpec, streams: Streams | None = None, strong: Strengths | None = None) -> Market:
    """The whole market of a law, that is a spec with all off that its world does not have.

    streams  random streams; those of the law's seed where none are given
    strong   strengths of the drifts; found from the RankICs that the law asks where none are given
    """
    stage = _stage(law, streams or Streams(law.seed))
    drifts = _drifts(stage)
    strong = strong or _strengths(stage, drifts)
    phase_TS = _phases(stage)
    moves = _moves(stage, drifts, strong, phase_TS)
    has_limits = law.switched_on.limits
    path = walk(
        stage.companies.price_S, moves, stage.events, stage.trades_TS,
        has_limits=has_limits, splits=law.switched_on.splits,
    )  # fmt: skip
    percent = (stage.events.percent_up_TS, stage.events.percent_down_TS) if has_limits else None
    truth = Truth(
        stage.sessions, stage.listings, stage.trades_TS, drifts, strong.strong_D, phase_TS,
        law.pumps if law.switched_on.pumps else None, stage.draws, law.noise, strong.fall_norm,
        path.gap_TS, percent,
    )  # fmt: skip
    tape = _tape(stage, path, phase_TS)
    facts = Facts(stage.streams, tape, stage.events, stage.companies, stage.industries, stage.information)
    return Market(tape, facts, truth, strong)


def _stage(law: SyntheticMarketSpec, streams: Streams) -> Stage:
    switches = law.switched_on
    sessions = sessions_from(law.first, law.sessions)
    shape = (law.sessions, law.securities)
    listings = draw_listings(
        streams, sessions, law.securities, new_listings=switches.new_listings, delistings=switches.delistings
    )
    industries = draw_industries(streams, sessions, listings)
    events = draw_events(streams, sessions, listings, law.events, switches)
    companies = draw_companies(streams, law.securities, law.opening_prices, law.volume)
    return Stage(
        law=law,
        streams=streams,
        sessions=sessions,
        listings=listings,
        companies=companies,
        industries=industries,
        industry_TS=industries.wide(),
        events=events,
        noise=Noise(
            draw_noise(streams, *shape, industries.many, law.noise), law.noise, industries, companies.largeness_S
        ),
        is_spike_TS=draw_spikes(streams, shape, law.volume),
        trades_TS=listings.is_listed & ~events.is_suspended_TS,
        information=draw_information(streams, sessions, listings, companies, industries.many, law.news),
    )


def _drifts(stage: Stage) -> tuple[Drift, ...]:
    """Everything that foretells: the components, and what volatility, size and the last session earn."""
    found = [_component(stage, component) for component in stage.law.components]
    premia = stage.law.premia
    if not stage.law.switched_on.premia:
        return tuple(found)
    scale_S = stage.draws.scale_S
    quiet_S = -np.log(scale_S / stage.law.noise.daily_scale)
    shocks_TS = -stage.draws.late_surprise
    reverting_TS = states(shocks_TS, 0.5 ** (1.0 / premia.reversal_half_life))
    daily = np.float32(stage.law.noise.daily_scale)
    return (
        *found,
        Drift(REVERSAL, premia.reversal_ic, 0.5 ** (1.0 / premia.reversal_half_life), reverting_TS * scale_S),
        Drift(VOLATILITY, premia.volatility_ic, 1.0, (daily * quiet_S)[None, :]),
        Drift(SIZE, premia.size_ic, 1.0, daily * _smallness(stage)),
    )


def _component(stage: Stage, component: Component) -> Drift:
    shocks_TS = _shocks(stage, component)
    shocks_TS *= component.coefficient(stage.streams, len(stage.sessions))[:, None] * np.float32(component.signed())
    state_TS = states(shocks_TS, component.persistence)
    state_TS *= stage.draws.scale_S
    return Drift(component.name, component.ic, component.persistence, state_TS)


def _shocks(stage: Stage, component: Component) -> Singles:
    """What each session adds to the state of a component, [T, S]."""
    shape, information = stage.trades_TS.shape, stage.information
    if component.driver == "own_price":
        return _price_shocks(stage, component, stage.draws.early_surprise)
    if component.driver == "supply_chain":
        return information.supply_chain.customers(_price_shocks(stage, component, stage.draws.surprise))
    if component.driver == "industry":
        return stage.industries.spread(stage.draws.industry_surprise, slice(None))
    if component.driver == "statements":
        return information.statements.shocks(shape)
    if component.driver == "news":
        return information.news.shocks(shape)
    return information.policy.shocks(stage.industry_TS)


def _price_shocks(stage: Stage, component: Component, linear_TS: Singles) -> Singles:
    """Own returns, and own returns that volume confirmed, each with its share of the variance, [T, S]."""
    share = component.nonlinear_share
    shocks_TS = np.float32(np.sqrt(1.0 - share)) * linear_TS
    if share > 0:
        shocks_TS += np.float32(np.sqrt(share)) * _confirmed_surprise(stage)
    return shocks_TS


def _confirmed_surprise(stage: Stage) -> Singles:
    """Own return of the whole session, turned by whether volume confirmed it, [T, S]."""
    turned_TS = confirmed(stage.is_spike_TS, stage.law.volume.spike_probability)
    turned_TS *= stage.draws.surprise
    return turned_TS


def _smallness(stage: Stage) -> Singles:
    """How small each security is after each session, in deviations of log capitalisation, [T, S].

    Counted are its size before the first session and its own returns since, so that it is not foretold.
    """
    growth_TS = stage.draws.own(slice(None), *PARTS)
    np.cumsum(growth_TS, axis=0, out=growth_TS)
    growth_TS -= growth_TS.mean(axis=1, keepdims=True)
    growth_TS /= np.float32(-stage.law.volume.cap_spread)
    growth_TS -= stage.companies.largeness_S
    return np.clip(growth_TS, -3, 3, out=growth_TS)


def _strengths(stage: Stage, drifts: tuple[Drift, ...]) -> Strengths:
    """Strengths that earn what the law asks, and the deviation of all drifts together."""
    scale_S, fall_noise = stage.draws.scale_S, stage.law.noise.fall_noise

    def variance(next_PS: Singles, mean_PS: Singles) -> Singles:
        return fall_factor(mean_PS / scale_S, float((next_PS / scale_S).std()), fall_noise)

    places_P = sample(stage.trades_TS)
    if not len(places_P):
        return Strengths(np.zeros(len(drifts)), 0.0)
    strong_D = strengths(drifts, stage.noise.held(places_P, HORIZON), variance, places_P, stage.trades_TS)
    total_PS = _expected(drifts, strong_D, places_P)
    return Strengths(strong_D, 0.0 if total_PS is None else float((total_PS / scale_S).std()))


def _expected(drifts: tuple[Drift, ...], strong_D: Floats, rows: Places | slice) -> Singles | None:
    """Expected log return of session t+1 after some sessions, [T, S]; None where nothing is foretold."""
    total_TS: Singles | None = None
    for strong, drift in zip(strong_D, drifts, strict=True):
        if strong:
            part_TS = np.float32(strong) * drift.rows(rows)
            total_TS = part_TS if total_TS is None else total_TS + part_TS
    return total_TS


def _phases(stage: Stage) -> np.ndarray:
    shape = stage.trades_TS.shape
    if not stage.law.switched_on.pumps:
        return np.zeros(shape, np.int8)
    return pumps.draw_phases(stage.streams, stage.law.pumps, stage.listings.is_listed)


def _moves(stage: Stage, drifts: tuple[Drift, ...], strong: Strengths, phase_TS: np.ndarray) -> list[Singles]:
    """Log return of what securities are worth in each part of each session, [T, S] each."""
    expected_TS = _expected(drifts, strong.strong_D, slice(None))
    if expected_TS is None:
        moves = stage.noise.parts(slice(None), None)
        half_TS = np.zeros((1, 1), np.float32)
    else:
        expected_TS = np.broadcast_to(expected_TS, stage.trades_TS.shape)
        before_TS = np.zeros(expected_TS.shape, np.float32)
        before_TS[1:] = expected_TS[:-1]
        variance_TS = fall_factor(before_TS / stage.draws.scale_S, strong.fall_norm, stage.law.noise.fall_noise)
        moves = stage.noise.parts(slice(None), variance_TS)
        half_TS = np.float32(0.5) * before_TS
    if stage.law.switched_on.pumps:
        half_TS = half_TS + np.float32(0.5) * pumps.drift(phase_TS, stage.law.pumps)
    half_TS = half_TS * stage.trades_TS
    moves = [moves[0], moves[1] + half_TS, moves[2] + half_TS]
    if stage.law.switched_on.reactions:
        _react(stage, moves)
    return moves


def _react(stage: Stage, moves: list[Singles]) -> None:
    """Let opens and closes take in what was just told."""
    scale_S, sessions = stage.draws.scale_S, len(stage.sessions)
    told = stage.information
    in_open, in_late = told.news.reactions(stage.law.news, scale_S, sessions)
    for part, (where, change) in ((0, told.statements.reactions(sessions, scale_S)), (0, in_open), (2, in_late)):
        np.add.at(moves[part], where, change.astype(np.float32))


def _tape(stage: Stage, path: Path, phase_TS: np.ndarray) -> Tape:
    law, shape = stage.law, stage.trades_TS.shape
    log_shares_TS = log_turnover(
        stage.streams, stage.draws, stage.is_spike_TS, law.volume, law.noise.own_volatility_spread
    )
    log_shares_TS += np.log(stage.companies.float_shares_S).astype(np.float32)
    log_shares_TS += np.float32(np.log(law.pumps.volume)) * (phase_TS > 0)
    shared_TS = stage.draws.volatility_T[:, None] * (np.float32(law.noise.market_scale) * stage.draws.beta_S)
    return Tape(
        sessions=stage.sessions,
        listings=stage.listings,
        is_listed_TS=stage.listings.is_listed,
        is_suspended_TS=stage.events.is_suspended_TS,
        is_st_TS=stage.events.is_st_TS,
        path=path,
        slack_TS=draw_slack(stage.streams, np.hypot(stage.draws.own_scale_TS, shared_TS)),
        place_TS=stage.streams.normals("place", *shape),
        log_shares_TS=log_shares_TS,
        available_hour=law.available_hour,
    )
