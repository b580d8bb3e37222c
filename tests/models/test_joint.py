"""Networks in which names hear each other: causal, blind to who is no member, kind to a name they never met."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.cross_attention import CrossAttentionSpec
from models.losses import MeanSquaredSpec
from models.network import Network, Sequences
from models.scaling import Scaler
from models.served import load
from models.two_level_lstm import TwoLevelLstmSpec
from models.windows import TableLayout, Windows
from tests.models.asking import shape

LAYOUT = TableLayout(("open", "close", "turnover"), (), 10)
IDS = tuple(f"sh60000{number}" for number in range(8))
BASKETS = (IDS[:4], IDS[4:7])
SMALL = {"look_back": 10, "dropout": 0.0, "precision": "fp32"}
MARKET = TwoLevelLstmSpec(expert=12, coordinator=12, summaries=3, **SMALL)
SPECS = {
    "market": MARKET,
    "baskets": MARKET.model_copy(update={"baskets": BASKETS}),
    "own experts": MARKET.model_copy(update={"experts": "own", "baskets": BASKETS, "importance_weights": True}),
    "attention": CrossAttentionSpec(hidden=16, heads=2, **SMALL),
}
every = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def network(spec, seed=0):
    torch.manual_seed(seed)
    module = spec.network(shape(LAYOUT, 1, *IDS))
    # Departures and trust begin at nothing; here they have been learnt.
    with torch.no_grad():
        for name, weights in module.named_parameters():
            if any(word in name for word in ("departure", "trust", "weights.own", "weights.shared")):
                weights.normal_(0, 0.3)
    return module


def sequences(sessions=12, seed=0, names=range(1, 9)):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(names), sessions, 3, generator=generator)
    return Sequences(x, torch.tensor(list(names)), torch.ones(len(names), sessions, dtype=torch.bool))


@every
def test_later_sessions_change_no_earlier_output(spec):
    module, read = network(spec).eval(), sequences()
    changed = read._replace(x_BLF=read.x_BLF.clone())
    changed.x_BLF[:, 8:] = 9.0
    before, after = module(read), module(changed)
    assert before.shape == (8, 12, 1)
    assert torch.equal(before[:, :8], after[:, :8])
    assert (before[:, 8:] != after[:, 8:]).all()


@every
def test_names_hear_each_other_in_any_order(spec):
    module, read = network(spec).eval(), sequences()
    order = torch.tensor([3, 0, 5, 1, 4, 2, 7, 6])
    moved = Sequences(read.x_BLF[order], read.names_B[order], read.there_BL[order])
    assert torch.allclose(module(read)[order], module(moved), atol=1e-5)
    louder = read._replace(x_BLF=read.x_BLF.clone())
    louder.x_BLF[1] += 3.0
    apart = (module(louder) != module(read)).any(1)[:, 0]
    hears = [True] * 8 if spec.kind == "cross_attention" or not spec.baskets else [True] * 4 + [False] * 4
    assert apart.tolist() == hears


@every
def test_who_is_no_member_is_not_heard_and_has_an_output(spec):
    module, read = network(spec).eval(), sequences()
    read.there_BL[1] = False
    louder = read._replace(x_BLF=read.x_BLF.clone())
    louder.x_BLF[1] += 3.0
    apart = (module(louder) != module(read)).any(1)[:, 0]
    assert apart.tolist() == [False, True, False, False, False, False, False, False]
    assert torch.isfinite(module(read)).all()


@every
def test_where_nobody_is_a_member_nobody_hears_another(spec):
    module, read = network(spec).eval(), sequences()
    read.there_BL[:] = False
    louder = read._replace(x_BLF=read.x_BLF.clone())
    louder.x_BLF[1] += 3.0
    assert (module(louder) != module(read)).any(1)[:, 0].tolist() == [False, True, *[False] * 6]


def test_a_seat_whose_name_is_not_known_stays_empty():
    module = network(MARKET.model_copy(update={"baskets": ((IDS[0], "sz000001", IDS[1]),)})).eval()
    read = sequences(names=(1, 2, 0))
    louder = read._replace(x_BLF=read.x_BLF.clone())
    louder.x_BLF[2] += 3.0
    assert (module(louder) != module(read)).any(1)[:, 0].tolist() == [False, False, True]


@every
def test_a_session_without_members_has_gradients(spec):
    module, read = network(spec).train(), sequences()
    read.there_BL[:, 3] = False
    module(read).square().sum().backward()
    assert all(torch.isfinite(weights.grad).all() for weights in module.parameters() if weights.grad is not None)


@every
def test_a_name_that_was_never_met_has_a_forecast_of_its_own_window(spec):
    module = network(spec).eval()
    met, stranger = sequences(), sequences(names=(1, 2, 3, 4, 5, 6, 7, 0))
    found = module(stranger)
    assert torch.isfinite(found).all()
    assert (found[7] != module(met)[7]).all()
    other = stranger._replace(x_BLF=stranger.x_BLF.clone())
    other.x_BLF[7] += 1.0
    assert (module(other)[7] != found[7]).all()


@every
def test_names_are_hidden_in_training_so_that_the_unknown_one_is_learnt(spec):
    module = network(spec.model_copy(update={"id_dropout": 0.5})).train()
    module(sequences()).square().sum().backward()
    learnt = module.expert.embedding.weight.grad
    assert learnt[0].any()
    still = network(spec.model_copy(update={"id_dropout": 0.0})).train()
    still(sequences()).square().sum().backward()
    assert not still.expert.embedding.weight.grad[0].any()


@every
def test_it_overfits_eight_samples(spec):
    module, read = network(spec.model_copy(update={"id_dropout": 0.0})), sequences()
    target = torch.randn(8, generator=torch.Generator().manual_seed(1))
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(150):
        optimiser.zero_grad()
        loss = (module(read)[:, -1, 0] - target).square().mean()
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.01


@every
def test_the_same_seed_gives_the_same_loss(spec):
    losses = []
    for seed in (0, 0, 1):
        module = network(spec, seed).train()
        losses.append(module(sequences()).square().sum().item())
    assert losses[0] == losses[1] != losses[2]


@every
def test_what_is_served_needs_the_names_and_comes_back_from_its_folder(spec, tmp_path):
    fitted = Network(
        spec,
        shape(LAYOUT, 1, *IDS),
        Scaler(centre=(0.0,) * 3, scale=(1.0,) * 3, clip=5.0),
        network(spec).eval(),
        MeanSquaredSpec(),
    )
    x = np.random.default_rng(0).normal(size=(16, 10, 3)).astype(np.float32)
    asked = Windows(x, np.array([*IDS, *IDS]), np.repeat([3, 7], 8))
    forecast = fitted.predict(asked).forecast
    order = np.random.default_rng(1).permutation(16)
    mixed = fitted.predict(Windows(x[order], asked.security_ids[order], asked.sessions_B[order]))
    np.testing.assert_array_equal(mixed.forecast, forecast[order])
    alone = fitted.predict(Windows(x[:8], asked.security_ids[:8], asked.sessions_B[:8]))
    np.testing.assert_array_equal(alone.forecast, forecast[:8])
    assert fitted.predict(Windows(x[:0], asked.security_ids[:0], asked.sessions_B[:0])).forecast.shape == (0,)
    fitted.save(tmp_path)
    np.testing.assert_array_equal(load(tmp_path).predict(asked).forecast, forecast)


def test_own_experts_start_as_the_shared_one_and_run_as_an_lstm_would():
    torch.manual_seed(0)
    own = MARKET.model_copy(update={"experts": "own"}).network(shape(LAYOUT, 1, *IDS)).expert
    read = sequences()
    states = own(read.x_BLF, read.names_B)
    own.departure, departed = None, own.departure
    assert torch.allclose(own(read.x_BLF, read.names_B), states, atol=1e-6)
    with torch.no_grad():
        departed.of_input[3] += 0.5
    own.departure = departed
    moved = (own(read.x_BLF, read.names_B) - states).abs().amax((1, 2)) > 1e-3
    assert moved.tolist() == [False, False, True, False, False, False, False, False]


def test_importance_weights_have_the_mean_one_and_say_whose_input_counts():
    module = network(SPECS["own experts"])
    weights = module.weights.weights()
    assert weights.shape == (9, 3)
    assert torch.allclose(weights.mean(-1), torch.ones(9))
    assert (weights > 0).all()
    x = torch.ones(2, 4, 3)
    assert torch.allclose(module.weights(x, torch.tensor([5, 0]))[:, 2], weights[[5, 0]])


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValidationError, match=r"baskets name \['a'\] twice"):
        TwoLevelLstmSpec(baskets=(("a", "b"), ("a", "c")))
    with pytest.raises(ValueError, match="no name of the baskets"):
        MARKET.model_copy(update={"baskets": (("sz000001", "sz000002"),)}).network(shape(LAYOUT, 1, *IDS))
    with pytest.raises(ValidationError, match="3 heads cannot share"):
        CrossAttentionSpec(hidden=32, heads=3)
