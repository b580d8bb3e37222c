"""Memory: what a fit will keep is what it keeps; too much is refused before it starts."""

import pytest
import torch

from assets.training.memory import GIB, Memory, available, estimate, refuse_too_much
from models.cross_attention import CrossAttentionSpec
from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec
from models.network import Sequences
from models.windows import TableLayout
from tests.models.asking import shape

LAYOUT = TableLayout(("a", "b", "c"), (), 10)
SPECS = [
    LstmSpec(look_back=10, hidden=16, precision="fp32"),
    CrossAttentionSpec(look_back=10, hidden=16, heads=2, precision="fp32"),
]
by_kind = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)


def whole(names, sessions=80):
    there = torch.ones(names, sessions, dtype=torch.bool)
    return Sequences(torch.randn(names, sessions, 3), torch.zeros(names, dtype=torch.long), there)


def kept(network, read):
    """Bytes of all storages that the graph of one batch holds."""
    found = {}

    def keep(tensor):
        found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        aim = torch.zeros(read.there_BL.shape)
        error = MeanSquaredSpec()(network(read), aim, aim.isfinite())
    assert error.isfinite()
    return sum(found.values())


@by_kind
def test_what_a_step_keeps_is_foretold_from_small_ones(spec):
    network, read = spec.network(shape(LAYOUT)), whole(96)
    told = estimate(network, MeanSquaredSpec(), (96, 80, 3), 96, 40)
    really = kept(network, Sequences(read.x_BLF[:, -40:], read.names_B, read.there_BL[:, -40:]))
    assert told.step == pytest.approx(really, rel=0.05)
    assert told.weights == 6 * sum(4 * weights.numel() for weights in network.parameters())
    assert told.panel == 96 * 80 * (3 * 4 + 1 + 2 * 4) + 96 * 8


@by_kind
def test_the_estimate_leaves_random_numbers_and_network_alone(spec):
    network = spec.network(shape(LAYOUT))
    state = torch.get_rng_state()
    before = [weights.clone() for weights in network.parameters()]
    estimate(network, MeanSquaredSpec(), (9, 80, 3), 9, 40)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(old, new) for old, new in zip(before, network.parameters(), strict=True))
    assert all(weights.grad is None for weights in network.parameters())


def test_one_name_is_enough():
    assert estimate(SPECS[0].network(shape(LAYOUT)), MeanSquaredSpec(), (1, 80, 3), 1, 40).step > 0


def test_more_than_there_is_is_refused_with_what_to_lower():
    place = torch.device("cpu")
    refuse_too_much(Memory(GIB, 0, 0), place)
    with pytest.raises(ValueError, match=r"needs about .* GiB: panel .*lower training.batch_size"):
        refuse_too_much(Memory(0, 0, available(place) + 1), place)
