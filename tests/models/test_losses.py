"""Tests of the losses."""

import functools
from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from models.losses import OF_NETWORKS, CorrelationSpec, HuberSpec, LossSpec, MeanSquaredSpec, PairwiseSpec

SPECS = (MeanSquaredSpec(), HuberSpec(), CorrelationSpec(), PairwiseSpec(partners=9))


def seeded(spec, *batch):
    """The loss with the same pairs drawn each time."""
    torch.manual_seed(0)
    return spec.of_forecast(*batch)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    forecast, target = (torch.randn(6, 5, generator=generator) for _ in range(2))
    mask = torch.rand(6, 5, generator=generator) < 0.7
    return forecast, target, mask


@pytest.mark.parametrize("spec", SPECS)
def test_cells_without_a_label_have_no_influence_on_the_value_or_the_gradient(spec, batch):
    forecast, target, mask = batch
    loss = functools.partial(seeded, spec)
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
    loss = functools.partial(seeded, spec)
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
    assert MeanSquaredSpec().of_forecast(*batch).item() == pytest.approx(np.mean(errors), rel=1e-5)


def test_correlation_is_zero_for_a_perfect_and_two_for_an_inverted_forecast(batch):
    _, target, mask = batch
    loss = CorrelationSpec().of_forecast
    assert loss(3 * target, target, mask).item() == pytest.approx(0, abs=1e-6)
    assert loss(-target, target, mask).item() == pytest.approx(2, abs=1e-6)


@pytest.mark.parametrize("spec", SPECS)
def test_a_batch_without_a_label_has_a_finite_loss(spec, batch):
    forecast, target, mask = batch
    assert torch.isfinite(spec.of_forecast(forecast, target, torch.zeros_like(mask)))


def test_an_unknown_loss_is_refused_with_what_is_allowed():
    with pytest.raises(ValidationError, match="'mse', 'huber', 'correlation', 'pairwise', 'gaussian'"):
        TypeAdapter(LossSpec).validate_python({"kind": "msee"})


def test_huber_is_half_the_square_near_and_linear_far():
    forecast, target = torch.tensor([[0.2, 5.0], [-0.2, -5.0]]), torch.zeros(2, 2)
    mask = torch.ones(2, 2, dtype=torch.bool)
    assert HuberSpec(delta=1.0).of_forecast(forecast, target, mask).item() == pytest.approx((2 * 0.02 + 2 * 4.5) / 4)
    half = MeanSquaredSpec().of_forecast(forecast, target, mask).item() / 2
    assert HuberSpec(delta=99.0).of_forecast(forecast, target, mask).item() == pytest.approx(half)


def test_pairwise_with_every_partner_equals_all_pairs(batch):
    forecast, target, mask = (tensor.numpy() for tensor in batch)
    terms = [
        np.log1p(np.exp(-(forecast[i, s] - forecast[j, s])))
        for s in range(5)
        for i in np.flatnonzero(mask[:, s])
        for j in np.flatnonzero(mask[:, s])
        if target[i, s] > target[j, s]
    ]
    assert PairwiseSpec(partners=5).of_forecast(*batch).item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_pairwise_with_few_partners_is_all_pairs_on_average(batch):
    every = PairwiseSpec(partners=5).of_forecast(*batch).item()
    torch.manual_seed(0)
    some = [PairwiseSpec(partners=2).of_forecast(*batch).item() for _ in range(400)]
    assert np.mean(some) == pytest.approx(every, rel=0.02)
    assert np.std(some) > 0


def test_equal_targets_are_no_pair_and_one_name_has_none():
    mask = torch.ones(3, 2, dtype=torch.bool)
    assert PairwiseSpec().of_forecast(torch.randn(3, 2), torch.ones(3, 2), mask).item() == 0
    assert PairwiseSpec().of_forecast(torch.randn(1, 2), torch.ones(1, 2), mask[:1]).item() == 0


def test_every_loss_of_networks_is_in_the_union():
    union, _ = get_args(LossSpec)
    assert tuple(spec().kind for spec in get_args(union)) == OF_NETWORKS
