"""Augmentation: another batch, of which no place tells what came after the session of its target."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.augmentation import EventShiftSpec, JitterSpec, TimeScalingSpec
from models.windows import RETURN

COLUMNS = ("level", RETURN, "tone")
GROUPS = ("price_volume", "price_window", "news")
SPAN, LENGTH = 30, 70
HOWS = (TimeScalingSpec(), JitterSpec(), EventShiftSpec(groups=("news",)))
by_kind = pytest.mark.parametrize("how", HOWS, ids=lambda how: how.kind)


def batch(names=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(names, LENGTH, len(COLUMNS), generator=generator)
    x[..., 0] = torch.arange(LENGTH)  # tells of which session a place is made
    target = torch.arange(LENGTH - SPAN, LENGTH).float().expand(names, SPAN).clone()  # tells its session
    return x, target


def made(how, x, target, seed=0):
    torch.manual_seed(seed)
    return how.bound(COLUMNS, GROUPS)(x.clone(), target.clone())


@by_kind
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), last=st.integers(LENGTH - SPAN + 3, LENGTH - 2))
def test_what_comes_after_the_session_of_a_target_has_no_influence_on_its_place(how, seed, last):
    x, target = batch()
    other = x.clone()
    other[:, last + 1 :] = 99.0
    one, told = made(how, x, target, seed)
    two, _ = made(how, other, target, seed)
    settled = (told <= last) | told.isnan()
    assert settled.any()
    places = torch.cat([torch.ones(len(x), LENGTH - SPAN, dtype=torch.bool), settled], 1)
    assert torch.equal(one[places], two[places])


@by_kind
def test_the_same_numbers_are_drawn_from_the_same_seed_and_others_from_another(how):
    x, target = batch()
    assert torch.equal(made(how, x, target, 1)[0], made(how, x, target, 1)[0])
    assert any(not torch.equal(made(how, x, target, 1)[0], made(how, x, target, seed)[0]) for seed in range(2, 6))


@pytest.mark.parametrize("seed", range(8))
def test_time_is_scaled_about_the_last_session_by_five_percent_at_most(seed):
    x, target = batch()
    scaled, told = made(TimeScalingSpec(), x, target, seed)
    assert torch.equal(scaled[:, -1], x[:, -1])
    steps = scaled[0, 5:, 0].diff()
    assert steps.min() >= 0.95 - 1e-4
    assert steps.max() <= 1.05 + 1e-4
    assert steps.max() - steps.min() < 1e-4
    known = told.isfinite()
    # the place is made of sessions up to that of its target, and of none a whole session older
    lag = told - scaled[:, LENGTH - SPAN :, 0]
    assert (lag[known] >= -1e-4).all()
    assert (lag[known] < 1).all()
    assert torch.equal(told[:1].expand_as(told).nan_to_num(), told.nan_to_num())


def test_older_sessions_are_asked_for_so_that_none_is_repeated():
    x, target = batch()
    how = TimeScalingSpec()
    for seed in range(20):
        scaled, _ = made(how, x, target, seed)
        assert (scaled[:, how.older(LENGTH) :, 0].diff(dim=1) > 0).all()


def test_jitter_moves_the_quiet_half_of_each_session_and_nothing_else():
    x, target = batch(names=10)
    x[:5, :, 1] *= 0.1
    jittered, told = made(JitterSpec(scale=0.2), x, target)
    moved = (jittered != x).any(-1)
    assert moved[:5, 10:].all()  # ten returns are averaged by then
    assert not moved[5:, 10:].any()
    assert (jittered - x)[:5, 10:].std().item() == pytest.approx(0.2, rel=0.1)
    assert torch.equal(told, target)


def test_events_come_up_to_three_sessions_later_and_all_else_stays():
    x, target = batch(names=200)
    x[..., 2] = torch.arange(LENGTH)
    shifted, told = made(EventShiftSpec(groups=("news",)), x, target)
    assert torch.equal(shifted[..., :2], x[..., :2])
    assert torch.equal(told, target)
    delay = (x - shifted)[:, 3:, 2]
    assert torch.equal(delay[:, :1].expand_as(delay), delay)
    assert set(delay[:, 0].tolist()) == {0.0, 1.0, 2.0, 3.0}


def test_what_cannot_be_done_is_refused_by_name():
    with pytest.raises(ValueError, match=r"jitter.*'log_return'.*price_window"):
        JitterSpec().bound(("level",), ("price_volume",))
    with pytest.raises(ValueError, match=r"names \['events'\]; the groups of the panel are \['news', 'price_volume'"):
        EventShiftSpec(groups=("events",)).bound(COLUMNS, GROUPS)
    with pytest.raises(ValidationError):
        TimeScalingSpec(most=0.2)
    with pytest.raises(ValidationError):
        EventShiftSpec(groups=("news",), most=4)
