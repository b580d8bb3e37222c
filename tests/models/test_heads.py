"""Heads: their likelihoods are those of the distributions they name, and their uncertainties mean what they say."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.distributions import Normal, StudentT

from models.heads import CrossEntropyHead, GaussianHead, LogitNormalHead, QuantileHead, StudentTHead, corrected

HEADS = (
    GaussianHead(),
    StudentTHead(),
    QuantileHead(),
    CrossEntropyHead(),
    CrossEntropyHead(fall_weight=1.5),
    LogitNormalHead(),
    LogitNormalHead(fall_weight=1.5),
)
by_kind = pytest.mark.parametrize("head", HEADS, ids=lambda head: f"{head.kind} {getattr(head, 'fall_weight', '')}")


def inverse_softplus(value):
    return torch.log(torch.expm1(torch.as_tensor(value - 1e-3, dtype=torch.float64)))


def drawn(head, names=6, sessions=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = torch.randn(names, sessions, head.outputs, generator=generator, dtype=torch.float64)
    aim = torch.randn(names, sessions, generator=generator, dtype=torch.float64)
    return y, aim, torch.rand(names, sessions, generator=generator) < 0.7


def fitted(head, aim, names=1, steps=600):
    """Parameters, one set for every name, that minimise the loss on aims [names, sessions]."""
    parameters = torch.zeros(names, 1, head.outputs, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([parameters], lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        head(parameters.expand(names, aim.shape[1], -1), aim, torch.isfinite(aim)).backward()
        optimiser.step()
    return head.outlook(parameters.detach())


@by_kind
def test_cells_without_a_label_have_no_influence(head):
    y, aim, mask = drawn(head)
    one = y.clone().requires_grad_()
    value = head(one, aim.masked_fill(~mask, float("nan")), mask)
    value.backward()
    assert torch.isfinite(value)
    assert not one.grad[~mask].any()
    assert value.item() == head(y, aim.masked_fill(~mask, 7.0), mask).item()
    assert head(y, aim, torch.zeros_like(mask)).item() == 0


def test_gaussian_and_student_t_are_the_likelihoods_of_their_names():
    y, aim, mask = drawn(GaussianHead())
    scale = torch.nn.functional.softplus(y[..., 1]) + 1e-3
    normal = -Normal(y[..., 0], scale).log_prob(aim)[mask].mean()
    assert GaussianHead()(y, aim, mask).item() == pytest.approx(normal.item(), rel=1e-10)
    student = -StudentT(torch.tensor(4.0, dtype=torch.float64), y[..., 0], scale).log_prob(aim)[mask].mean()
    assert StudentTHead(degrees=4.0)(y, aim, mask).item() == pytest.approx(student.item(), rel=1e-6)


def test_the_noise_scale_is_the_standard_deviation_of_what_is_drawn():
    rng = np.random.default_rng(0)
    normal = torch.from_numpy(0.3 + 2.0 * rng.standard_normal((1, 4000)))
    found = fitted(GaussianHead(), normal)
    assert found.forecast.item() == pytest.approx(normal.mean().item(), abs=0.01)
    assert found.noise_scale.item() == pytest.approx(normal.std().item(), rel=0.01)
    assert found.probability.item() == pytest.approx((normal > 0).double().mean().item(), abs=0.02)
    tailed = torch.from_numpy(rng.standard_t(5, (1, 4000)))
    assert fitted(StudentTHead(degrees=5.0), tailed).noise_scale.item() == pytest.approx((5 / 3) ** 0.5, rel=0.05)
    assert fitted(QuantileHead(), normal, steps=2000).noise_scale.item() == pytest.approx(2.0, rel=0.05)


def test_quantiles_never_cross_and_hold_their_shares():
    y, _, _ = drawn(QuantileHead())
    assert (QuantileHead().quantiles(y).diff(dim=-1) > 0).all()
    aim = torch.from_numpy(np.random.default_rng(1).exponential(size=(1, 4000)))
    head = QuantileHead(levels=(0.1, 0.5, 0.9))
    parameters = torch.zeros(1, 1, 3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([parameters], lr=0.02)
    for _ in range(1500):
        optimiser.zero_grad()
        head(parameters.expand(1, 4000, -1), aim, torch.isfinite(aim)).backward()
        optimiser.step()
    below = [(aim < quantile).double().mean().item() for quantile in head.quantiles(parameters.detach())[0, 0]]
    assert below == pytest.approx(head.levels, abs=0.01)


@pytest.mark.parametrize("levels", [(0.5, 0.1, 0.9), (0.1, 0.2, 0.9), (0.0, 0.5, 0.9), (0.1, 0.5, 1.0)])
def test_levels_that_are_no_quantiles_are_refused(levels):
    with pytest.raises(ValidationError, match="rising shares between 0 and 1, the median"):
        QuantileHead(levels=levels)


@pytest.mark.parametrize(("mu", "s", "mean", "std"), [(1.0, 1.0, 0.69673, None), (3.0, 2.0, 0.87041, 0.187)])
def test_mean_and_spread_of_the_probability_are_those_of_the_exact_integral(mu, s, mean, std):
    y = torch.tensor([[[mu, inverse_softplus(s)]]], dtype=torch.float64)
    found = LogitNormalHead().outlook(y)
    z = np.random.default_rng(0).normal(mu, s, 2_000_000)
    p = 1 / (1 + np.exp(-z))
    assert found.probability.item() == pytest.approx(mean, abs=5e-6)
    assert found.probability.item() == pytest.approx(p.mean(), abs=5e-4)
    assert found.probability_std.item() == pytest.approx(p.std(), abs=5e-4)
    assert std is None or found.probability_std.item() == pytest.approx(std, abs=1e-3)


def test_a_single_outcome_leaves_the_spread_free_and_a_shared_shock_tells_it():
    """Two (mu, s) of one mean probability: alike for outcomes one by one, not for those of a session together."""
    head = LogitNormalHead()
    wide = torch.tensor([0.0, inverse_softplus(2.0)], dtype=torch.float64)
    narrow = torch.tensor([0.0, inverse_softplus(0.1)], dtype=torch.float64)
    rng = np.random.default_rng(0)
    shock = rng.standard_normal((1, 400))
    together = torch.from_numpy((rng.random((30, 400)) < 1 / (1 + np.exp(-2.0 * shock))).astype(float))

    def loss(parameters, aim):
        return head(parameters.expand(*aim.shape, 2), aim, torch.ones_like(aim, dtype=torch.bool)).item()

    alone = together[:1]
    assert loss(wide, alone) == pytest.approx(loss(narrow, alone), abs=1e-9)
    assert loss(wide, together) < loss(narrow, together) - 0.05


def test_the_spread_of_a_shared_shock_is_recovered():
    rng = np.random.default_rng(1)
    shock = rng.standard_normal((1, 1500))
    p = 1 / (1 + np.exp(-(0.4 + 0.8 * shock)))
    rises = torch.from_numpy((rng.random((20, 1500)) < p).astype(float))
    found = fitted(LogitNormalHead(), rises, names=20, steps=400)
    assert found.probability.mean().item() == pytest.approx(p.mean(), abs=0.015)
    assert found.probability_std.mean().item() == pytest.approx(p.std(), rel=0.1)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_an_asymmetric_cost_states_less_and_the_correction_takes_it_back(smoothing):
    half = torch.tensor([[0.0, 1.0] * 500], dtype=torch.float64)
    found = fitted(CrossEntropyHead(fall_weight=1.5, smoothing=smoothing), half)
    assert torch.sigmoid(found.forecast).item() == pytest.approx(0.4, abs=1e-4)
    assert corrected(torch.tensor(0.4), 1.5).item() == pytest.approx(0.5, abs=1e-6)
    assert found.probability.item() == pytest.approx(0.5, abs=1e-4)
    assert fitted(LogitNormalHead(fall_weight=1.5), half).probability.item() == pytest.approx(0.5, abs=0.01)


def test_smoothing_is_taken_out_of_the_stated_probability():
    rises = torch.tensor([[1.0, 1.0, 1.0, 0.0] * 250], dtype=torch.float64)
    found = fitted(CrossEntropyHead(smoothing=0.2), rises)
    assert torch.sigmoid(found.forecast).item() == pytest.approx(0.7, abs=1e-4)
    assert found.probability.item() == pytest.approx(0.75, abs=1e-4)
    assert CrossEntropyHead(smoothing=0.2).outlook(torch.full((1, 1, 1), 9.0)).probability.item() == 1
