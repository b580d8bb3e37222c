"""Tests of the losses."""

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from models.losses import CorrelationSpec, LossSpec, MeanSquaredSpec, loss_function

SPECS = (MeanSquaredSpec(), CorrelationSpec())


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    forecast, target = (torch.randn(6, 5, generator=generator) for _ in range(2))
    mask = torch.rand(6, 5, generator=generator) < 0.7
    return forecast, target, mask


@pytest.mark.parametrize("spec", SPECS)
def test_cells_without_a_label_have_no_influence_on_the_value_or_the_gradient(spec, batch):
    forecast, target, mask = batch
    loss = loss_function(spec)
    one, other = forecast.clone().requires_grad_(), torch.where(mask, forecast, 99.0).requires_grad_()
    values = [loss(one, target, mask), loss(other, target.masked_fill(~mask, float("nan")), mask)]
    for value in values:
        value.backward()
    assert values[0].item() == values[1].item()
    assert torch.equal(one.grad, other.grad)
    assert not one.grad[~mask].any()


@pytest.mark.parametrize("spec", SPECS)
def test_what_all_names_of_a_session_share_costs_nothing(spec, batch):
    forecast, target, mask = batch
    loss = loss_function(spec)
    assert loss(forecast + torch.arange(5.0), target, mask).item() == pytest.approx(
        loss(forecast, target, mask).item(), rel=1e-5
    )


def test_mse_equals_a_slow_reference(batch):
    forecast, target, mask = (tensor.numpy() for tensor in batch)
    errors = []
    for session in range(5):
        names = np.flatnonzero(mask[:, session])
        centred = forecast[names, session] - forecast[names, session].mean() if len(names) else forecast[names, session]
        errors.extend((centred - target[names, session]) ** 2)
    assert loss_function(MeanSquaredSpec())(*batch).item() == pytest.approx(np.mean(errors), rel=1e-5)


def test_correlation_is_zero_for_a_perfect_and_two_for_an_inverted_forecast(batch):
    _, target, mask = batch
    loss = loss_function(CorrelationSpec())
    assert loss(3 * target, target, mask).item() == pytest.approx(0, abs=1e-6)
    assert loss(-target, target, mask).item() == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_a_batch_without_a_label_has_a_finite_loss(spec, batch):
    forecast, target, mask = batch
    assert torch.isfinite(loss_function(spec)(forecast, target, torch.zeros_like(mask)))


def test_an_unknown_loss_is_refused_with_what_is_allowed():
    with pytest.raises(ValidationError, match="'mse', 'correlation'"):
        TypeAdapter(LossSpec).validate_python({"kind": "msee"})
