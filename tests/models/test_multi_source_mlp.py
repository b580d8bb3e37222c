"""Multi-source MLP: causal, survives a source that is absent, reads back as it was."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.losses import MeanSquaredSpec
from models.multi_source_mlp import SEQUENCE, MultiSourceMlpSpec, sources
from models.network import Network
from models.scaling import Scaler
from models.served import load
from models.windows import TableLayout
from tests.models.asking import forecast_of, read, shape

LAYOUT = TableLayout(
    ("open", "value", "close", "tone", "surprise"), ("open", "close"), 12,
    ("window", "financials", "window", "news", "news"),
)  # fmt: skip
SPEC = MultiSourceMlpSpec(look_back=12, state=8, source=6, widths=(16, 8), precision="fp32")


def network(**changed):
    torch.manual_seed(0)
    return SPEC.model_copy(update=changed).network(shape(LAYOUT))


def trained(module, x, target, steps=300):
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    module.train()
    for _ in range(steps):
        loss = (module(read(x))[..., 0] - target).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return module.eval()


def test_sources_are_the_sequence_and_the_rest_of_each_group():
    assert sources(LAYOUT) == {SEQUENCE: [0, 2], "financials": [1], "news": [3, 4]}
    assert sources(TableLayout(("a", "b"), (), 12)) == {"all": [0, 1]}


def test_later_sessions_change_no_earlier_forecast_and_names_do_not_see_each_other():
    module = network().eval()
    x = torch.randn(5, 20, 5)
    changed = x.clone()
    changed[:, 13:] = 50
    before, after = module(read(x))[..., 0], module(read(changed))[..., 0]
    assert before.shape == (5, 20)
    assert torch.equal(before[:, :13], after[:, :13])
    assert (before[:, 13:] != after[:, 13:]).all()
    order = torch.tensor([3, 0, 4, 1, 2])
    assert torch.allclose(module(read(x[order]))[..., 0], before[order], atol=1e-6)


def test_other_sources_are_read_at_their_session_alone_and_the_sequence_as_one():
    module = network().eval()
    x = torch.randn(3, 12, 5)
    for column, lasts in ((0, True), (2, True), (1, False), (3, False), (4, False)):
        changed = x.clone()
        changed[:, 5, column] += 1
        moved = (module(read(changed)) != module(read(x)))[..., 0].all(0)
        assert moved[5]
        assert moved[6:].all() == lasts
        assert lasts or not moved[6:].any()


def test_it_overfits_eight_sequences():
    module = network(dropout=0.0, source_dropout=0.0, state=16)
    x, target = torch.randn(8, 12, 5), torch.randn(8, 1).expand(8, 12)
    trained(module, x, target, steps=400)
    assert (module(read(x))[:, -1, 0] - target[:, -1]).square().mean().item() < 0.01


def test_what_was_trained_without_a_source_now_and_then_survives_its_absence():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 12, 5, generator=generator)
    truth = x[..., 1]
    x[..., 3] = truth + 0.3 * torch.randn(64, 12, generator=generator)  # news tell the same, less well
    absent = x.clone()
    absent[..., 1] = 0.0

    def score(source_dropout):
        module = trained(network(dropout=0.0, source_dropout=source_dropout), x, truth)
        return np.corrcoef(module(read(absent)).detach().flatten(), truth.flatten())[0, 1]

    assert score(0.3) > 0.8
    assert score(0.3) > score(0.0) + 0.1


def test_it_reads_back_with_its_sources(tmp_path):
    scaler = Scaler(centre=(0.0,) * 5, scale=(1.0,) * 5, clip=5.0)
    fitted = Network(SPEC, shape(LAYOUT), scaler, network().eval(), MeanSquaredSpec())
    fitted.save(tmp_path)
    x = np.random.default_rng(0).normal(size=(7, 12, 5)).astype(np.float32)
    back = load(tmp_path)
    assert forecast_of(back, x).tolist() == forecast_of(fitted, x).tolist()
    assert back.shape == shape(LAYOUT)


def test_no_sequence_is_fine_and_nothing_at_all_is_refused():
    assert SPEC.network(shape(TableLayout(("a", "b"), (), 12, ("g", "h"))))(read(torch.zeros(2, 3, 2))).shape == (
        2,
        3,
        1,
    )
    with pytest.raises(ValueError, match="at least one column"):
        SPEC.network(shape(TableLayout((), (), 12)))
    with pytest.raises(ValidationError):
        MultiSourceMlpSpec(source_dropout=1.0)
