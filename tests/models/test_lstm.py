"""Tests of the LSTM."""

import pytest
import torch
from pydantic import ValidationError

from models.lstm import LstmSpec
from models.windows import TableLayout
from tests.models.asking import read, shape


def reads(columns):
    return shape(TableLayout(tuple(f"column_{number}" for number in range(columns)), (), look_back=12))


@pytest.fixture
def spec():
    return LstmSpec(look_back=12, hidden=16)


def test_it_forecasts_after_every_session(spec):
    assert spec.network(reads(5))(read(torch.zeros(3, 7, 5))).shape == (3, 7, 1)


@pytest.mark.parametrize("layers", [1, 2])
def test_later_sessions_change_no_earlier_forecast(layers):
    network = LstmSpec(hidden=8, layers=layers).network(reads(4)).eval()
    x = torch.randn(5, 20, 4)
    changed = x.clone()
    changed[:, 13:] = 50
    before, after = network(read(x)), network(read(changed))
    assert torch.equal(before[:, :13], after[:, :13])
    assert not torch.equal(before[:, 13:], after[:, 13:])


def test_names_do_not_see_each_other(spec):
    network = spec.network(reads(4)).eval()
    x = torch.randn(6, 12, 4)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    assert torch.allclose(network(read(x))[order], network(read(x[order])), atol=1e-6)


def test_it_overfits_eight_sequences():
    torch.manual_seed(0)
    network = LstmSpec(hidden=32, dropout=0.0).network(reads(3))
    x, target = torch.randn(8, 12, 3), torch.randn(8)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(300):
        loss = (network(read(x))[:, -1, 0] - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01


def test_it_starts_with_time_scales_up_to_its_look_back():
    network = LstmSpec(hidden=256, look_back=40).network(reads(3))
    enter, forget, _, _ = network.recurrence.bias_ih_l0.detach().chunk(4)
    scales = 1 / (1 - torch.sigmoid(forget))
    assert 1.9 < scales.min() < 3
    assert 35 < scales.max() <= 40
    assert torch.equal(enter, -forget)
    assert not network.recurrence.bias_hh_l0.any()


def test_its_start_is_torch_s_random_state(spec):
    states = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        states.append(torch.cat([weights.flatten() for weights in spec.network(reads(4)).parameters()]))
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("setting", [{"hiden": 3}, {"precision": "fp16"}, {"dropout": 1.0}, {"look_back": 0}])
def test_a_setting_that_is_misspelt_or_out_of_range_is_refused(setting):
    with pytest.raises(ValidationError, match=next(iter(setting))):
        LstmSpec(**setting)
