"""Tests of fitting: what is learnt, what is not looked at, what is repeated bit for bit."""

import dataclasses

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from assets.training.fit import _cells, fit
from assets.training.loop import batches
from assets.training.panel import TEST, TRAIN, VALID, asked
from assets.training.spec import TrainingSpec
from models.augmentation import EventShiftSpec, JitterSpec, TimeScalingSpec
from models.cross_attention import CrossAttentionSpec
from models.gradient_boosting import GradientBoostingSpec
from models.heads import CrossEntropyHead, GaussianHead, LogitNormalHead, QuantileHead, StudentTHead
from models.linear import LinearSpec
from models.losses import CorrelationSpec, HuberSpec, MeanSquaredSpec, PairwiseSpec
from models.lstm import LstmSpec
from models.multi_source_mlp import MultiSourceMlpSpec
from models.network import NetworkSpec, Sequences
from models.projection import ProjectionSpec
from models.served import load
from models.two_level_lstm import TwoLevelLstmSpec
from models.windows import windows
from tests.models.asking import forecast_of

MODELS = (
    LinearSpec(look_back=4),
    GradientBoostingSpec(look_back=4, max_trees=40, rows_in_leaf=30, column_share=0.5),
    LstmSpec(look_back=8, hidden=8, precision="fp32"),
    MultiSourceMlpSpec(look_back=8, state=8, source=8, widths=(16,), dropout=0.0, precision="fp32"),
    TwoLevelLstmSpec(look_back=8, expert=8, coordinator=8, summaries=2, dropout=0.0, precision="fp32"),
    CrossAttentionSpec(look_back=8, hidden=8, heads=2, dropout=0.0, precision="fp32"),
)
TRAINING = TrainingSpec(max_epochs=15, burn_in=6, span=10, batch_size=12, weight_averaging=0.9, threads=1)
by_kind = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)


def fitted(panel, model, training=TRAINING, seed=0, loss=None, on_epoch=lambda record: None):
    return fit(panel, model, loss or MeanSquaredSpec(), training, seed, on_epoch)


def state(forecaster):
    """Everything that was fitted, as comparable values."""
    if hasattr(forecaster, "booster"):
        return [forecaster.booster.model_to_string()]
    if hasattr(forecaster, "weights_C"):
        return [forecaster.scaler, forecaster.weights_C.tobytes()]
    weights = forecaster.module.state_dict().values()
    return [forecaster.scaler, *(tensor.cpu().numpy().tobytes() for tensor in weights)]


def spoilt(panel, segment):
    """The panel with other features, labels and targets in the sessions of a segment."""
    sessions = (panel.segment_ST == segment).any(axis=0)
    rng = np.random.default_rng(5)
    x, label, target = panel.x_STF.copy(), panel.label_ST.copy(), panel.target_ST.copy()
    x[:, sessions] = rng.normal(3, 9, x[:, sessions].shape)
    for values in (label, target):
        values[:, sessions] = rng.normal(3, 9, values[:, sessions].shape)
    return dataclasses.replace(panel, x_STF=x, label_ST=label, target_ST=target)


@by_kind
def test_it_finds_a_planted_signal(panel, model):
    assert fitted(panel, model).best.valid_rank_ic > 0.4


@by_kind
def test_history_is_what_on_epoch_was_told(panel, model):
    told = []
    result = fitted(panel, model, on_epoch=told.append)
    assert list(result.history) == told
    assert [record.epoch for record in told] == list(range(1, len(told) + 1))
    assert result.threads == 1
    is_network = isinstance(model, NetworkSpec)
    steps = {"gradient_norm", "valid_loss"} if is_network else set()
    assert set(told[0].metrics()) == {"train_loss", "valid_rank_ic", "seconds"} | steps
    assert not is_network or all(record.gradient_norm > 0 for record in told)


@pytest.mark.parametrize("loss", [MeanSquaredSpec(), GaussianHead()], ids=lambda loss: loss.kind)
def test_the_weights_of_the_best_epoch_are_kept_by_either_measure(panel, loss):
    for stop_by in ("rank_ic", "loss"):
        long = TRAINING.model_copy(update={"stop_by": stop_by, "max_epochs": 30, "patience": 30, "learning_rate": 0.02})
        result = fitted(panel, MODELS[2], long, loss=loss)
        told = [record.valid_rank_ic if stop_by == "rank_ic" else -record.valid_loss for record in result.history]
        assert result.best.epoch == 1 + int(np.argmax(told))
        short = fitted(panel, MODELS[2], long.model_copy(update={"max_epochs": result.best.epoch}), loss=loss)
        assert state(result.forecaster) == state(short.forecaster)


def test_the_loss_on_validation_is_that_of_the_kept_weights(panel):
    result = fitted(panel, MODELS[2], TRAINING.model_copy(update={"stop_by": "loss"}), loss=GaussianHead())
    model = result.forecaster
    cells = _cells(panel, VALID, "valid")
    rows, sessions = cells.securities_B, cells.sessions_B
    stated = model.predict(asked(panel, rows, sessions, MODELS[2].look_back))
    z = (panel.label_ST[rows, sessions] - stated.forecast) / stated.noise_scale
    nats = 0.5 * z**2 + np.log(stated.noise_scale / model.unit) + 0.5 * np.log(2 * np.pi)
    # The loop carries its state through the window, a served window starts afresh.
    assert nats.mean() == pytest.approx(result.best.valid_loss, abs=0.05)


@by_kind
def test_the_gap_between_train_and_validation_is_told(panel, model):
    result = fitted(panel, model)
    assert result.train_rank_ic > 0.4
    told = result.metrics()
    assert told["train_valid_gap"] == result.train_rank_ic - result.best.valid_rank_ic
    shuffled = panel.target_ST.copy()
    for session in np.flatnonzero((panel.segment_ST == TRAIN).any(axis=0)):
        known = np.flatnonzero(np.isfinite(shuffled[:, session]))
        shuffled[known, session] = np.random.default_rng(session).permutation(shuffled[known, session])
    assert (
        fitted(dataclasses.replace(panel, target_ST=shuffled), model).metrics()["train_rank_ic"] < told["train_rank_ic"]
    )


@by_kind
def test_the_same_seed_gives_the_same_model_bit_for_bit(panel, model):
    torch.manual_seed(99)
    one = fitted(panel, model)
    two, other = fitted(panel, model), fitted(panel, model, seed=1)
    assert state(one.forecaster) == state(two.forecaster)
    assert (state(one.forecaster) == state(other.forecaster)) == model.is_deterministic


@by_kind
def test_nothing_of_the_test_window_is_read(panel, model):
    one, other = fitted(panel, model), fitted(spoilt(panel, TEST), model)
    assert state(one.forecaster) == state(other.forecaster)
    assert [dataclasses.replace(r, seconds=0) for r in one.history] == [
        dataclasses.replace(r, seconds=0) for r in other.history
    ]


@by_kind
def test_validation_rows_move_nothing_where_there_is_nothing_to_choose(panel, model):
    one_choice = {
        "linear": {"penalties": (1.0,)},
        "gradient_boosting": {"max_trees": 1},
    }
    model = model.model_copy(update=one_choice.get(model.kind, {}))
    training = TRAINING.model_copy(update={"max_epochs": 1})
    one, other = fitted(panel, model, training), fitted(spoilt(panel, VALID), model, training)
    assert state(one.forecaster) == state(other.forecaster)
    assert one.best.valid_rank_ic != other.best.valid_rank_ic


def test_the_best_epoch_is_restored_and_it_stops_after_its_patience(panel):
    training = TRAINING.model_copy(update={"max_epochs": 40, "patience": 2, "learning_rate": 0.05})
    long = fitted(panel, MODELS[2], training)
    best = long.best.epoch
    assert len(long.history) == min(40, best + 2)
    short = fitted(panel, MODELS[2], training.model_copy(update={"max_epochs": best}))
    assert state(long.forecaster) == state(short.forecaster)


def test_random_numbers_and_threads_are_left_as_they_were(panel):
    threads, random = torch.get_num_threads(), torch.get_rng_state()
    fitted(panel, MODELS[2], TRAINING.model_copy(update={"threads": 2, "max_epochs": 1}))
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), random)
    assert not torch.are_deterministic_algorithms_enabled()


def places_of_first(x_BLF, part_BL):
    """The session of the first cell that a batch has a loss on."""
    return int(x_BLF[0, -part_BL.shape[1], 0]) % 50


def test_an_epoch_shows_every_labelled_cell_once_after_its_burn_in():
    generator = np.random.default_rng(0)
    target = generator.normal(size=(7, 50))
    target[:, :4], target[:, 41:], target[generator.random((7, 50)) < 0.2] = np.nan, np.nan, np.nan
    target_ST = torch.from_numpy(target)
    z_STF = torch.arange(7 * 50).reshape(7, 50, 1)
    seen = []
    whole = Sequences(z_STF, torch.arange(7), target_ST.isfinite())
    for batch, part_BL in batches(whole, target_ST, TrainingSpec(span=9, burn_in=5, batch_size=3)):
        x_BLF = batch.x_BLF
        assert torch.equal(batch.names_B, x_BLF[:, 0, 0] // 50)
        assert torch.equal(batch.there_BL[:, -part_BL.shape[1] :], part_BL.isfinite())
        assert len(part_BL) <= 3
        assert part_BL.shape[1] <= 9
        assert x_BLF[0, 0, 0] % 50 == max(places_of_first(x_BLF, part_BL) - 5, 0)
        places = x_BLF[:, -part_BL.shape[1] :, 0]
        assert torch.equal(places % 50, (places % 50)[:1].expand_as(places))
        assert x_BLF.max() % 50 <= 40
        assert torch.equal(target_ST.flatten()[places].nan_to_num(), part_BL.nan_to_num())
        seen += places[part_BL.isfinite()].tolist()
    assert sorted(seen) == torch.flatten(target_ST.isfinite().flatten().nonzero()).tolist()


def test_names_outside_the_universe_have_no_influence_on_a_network(panel):
    x = panel.x_STF.copy()
    x[3, 60:] = 50
    other = dataclasses.replace(panel, x_STF=x)
    training = TRAINING.model_copy(update={"max_epochs": 2})
    assert state(fitted(panel, MODELS[2], training).forecaster) == state(fitted(other, MODELS[2], training).forecaster)


def test_a_fitted_model_forecasts_where_features_are_absent(panel):
    x = windows(panel.x_STF, np.arange(24), np.full(24, 2), 8)
    x[0] = np.nan
    assert np.isfinite(forecast_of(fitted(panel, MODELS[2]).forecaster, x)).all()


@pytest.mark.parametrize("loss", [CorrelationSpec(), HuberSpec(), PairwiseSpec()], ids=lambda loss: loss.kind)
def test_a_network_learns_by_every_loss(panel, loss):
    assert fitted(panel, MODELS[2], loss=loss).best.valid_rank_ic > 0.4


STATES = {
    "gaussian": ("forecast", "noise_scale", "probability"),
    "student_t": ("forecast", "noise_scale"),
    "quantile": ("forecast", "noise_scale"),
    "cross_entropy": ("forecast", "probability"),
    "logit_normal": ("forecast", "probability", "probability_std"),
}


@pytest.mark.parametrize(
    "loss",
    [GaussianHead(), StudentTHead(), QuantileHead(), CrossEntropyHead(fall_weight=1.5), LogitNormalHead()],
    ids=lambda loss: loss.kind,
)
def test_a_network_that_states_a_distribution_learns_and_states_it_in_returns(panel, loss, tmp_path):
    result = fitted(panel, MODELS[2], TRAINING.model_copy(update={"max_epochs": 40, "patience": 20}), loss=loss)
    assert result.best.valid_rank_ic > 0.4
    rows, sessions = np.nonzero(panel.labelled(TRAIN))
    stated = result.forecaster.predict(asked(panel, rows, sessions, 8)).stated()
    assert tuple(stated) == STATES[loss.kind]
    label_B = panel.label_ST[rows, sessions]
    if loss.aim == "return":
        assert stated["noise_scale"].mean() == pytest.approx((label_B - stated["forecast"]).std(), rel=0.25)
    else:
        assert stated["probability"].mean() == pytest.approx((label_B > 0).mean(), abs=0.1)
    result.forecaster.save(tmp_path)
    again = load(tmp_path).predict(asked(panel, rows, sessions, 8)).stated()
    assert {name: values.tobytes() for name, values in again.items()} == {
        name: values.tobytes() for name, values in stated.items()
    }


COPIES = (TimeScalingSpec(), EventShiftSpec(groups=("price_volume",)), JitterSpec())
AUGMENTED = TRAINING.model_copy(update={"augmentation": COPIES, "max_epochs": 25})


def test_a_network_learns_from_other_versions_of_its_batches_the_same_bits_each_time(panel):
    one, two = fitted(panel, MODELS[2], AUGMENTED), fitted(panel, MODELS[2], AUGMENTED)
    assert state(one.forecaster) == state(two.forecaster)
    plain = fitted(panel, MODELS[2], AUGMENTED.model_copy(update={"augmentation": ()}))
    assert state(one.forecaster) != state(plain.forecaster)
    assert one.best.valid_rank_ic > 0.3


def test_copies_are_made_of_train_alone(panel):
    for segment in (VALID, TEST):
        one, other = (
            fitted(p, MODELS[2], AUGMENTED.model_copy(update={"max_epochs": 1}))
            for p in (panel, spoilt(panel, segment))
        )
        assert state(one.forecaster) == state(other.forecaster)


def test_a_ridge_refuses_a_loss_that_has_no_closed_form(panel):
    with pytest.raises(ValueError, match=r"model 'linear' cannot minimise the loss 'correlation'; it can: \['mse'\]"):
        fitted(panel, MODELS[0], loss=CorrelationSpec())


@by_kind
def test_a_segment_without_labels_is_refused(panel, model):
    target = np.where(panel.segment_ST == VALID, np.nan, panel.target_ST)
    with pytest.raises(ValueError, match=r"no labelled member in the valid segment \(575 member cells, none"):
        fitted(dataclasses.replace(panel, target_ST=target), model)


def test_training_that_diverges_is_refused(panel):
    with pytest.raises(ValueError, match=r"training loss is nan in epoch \d+.*lower training.learning_rate"):
        fitted(panel, MODELS[2], TRAINING.model_copy(update={"learning_rate": 1e30}))


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="learning_rat"):
        TrainingSpec(learning_rat=0.1)


COUNTS = 10
TWO_OF_COUNTS = {"news_counts": ProjectionSpec(components=2)}


@pytest.fixture(scope="session")
def wide(panel):
    """The panel with ten noisy counts of what foretells; the single ones say little."""
    rng = np.random.default_rng(4)
    told = np.nan_to_num(panel.target_ST)[..., None]
    counts = (told + rng.normal(0, 3, (*panel.grid.shape, COUNTS))).astype(np.float32)
    counts[rng.random(panel.grid.shape) < 0.05] = np.nan
    return dataclasses.replace(
        panel,
        columns=(*panel.columns, *(f"ngram_{number:03d}" for number in range(COUNTS))),
        groups=(*panel.groups, *["news_counts"] * COUNTS),
        x_STF=np.concatenate([panel.x_STF, counts], axis=2),
    )


def projected(panel, model, training=TRAINING):
    return fit(panel, model, MeanSquaredSpec(), training, 0, lambda record: None, TWO_OF_COUNTS)


def learnt(forecaster):
    (part,) = forecaster.projection.parts
    return part.centre_C.tobytes(), part.weights_CK.tobytes()


@by_kind
def test_a_model_reads_components_in_the_place_of_counts(wide, model):
    result = projected(wide, model, TRAINING.model_copy(update={"max_epochs": 5}))
    forecaster = result.forecaster
    assert forecaster.columns == wide.columns
    inner = ("open_to_close", "log_return", "turnover", "news_counts_component_0", "news_counts_component_1")
    assert forecaster.forecaster.columns == inner
    assert result.best.valid_rank_ic > 0.4
    x = windows(wide.x_STF, np.arange(24), np.full(24, 120), model.look_back)
    np.testing.assert_array_equal(forecast_of(forecaster, x[3:4]), forecast_of(forecaster, x)[3:4])
    with pytest.raises(ValueError, match=r"this model needs \[any, \d, 13\]"):
        forecast_of(forecaster, x[..., :5])


@by_kind
@pytest.mark.parametrize("segment", [VALID, TEST])
def test_a_projection_is_learnt_from_the_train_rows_alone(wide, model, segment):
    training = TRAINING.model_copy(update={"max_epochs": 1})
    one, other = (projected(each, model, training).forecaster for each in (wide, spoilt(wide, segment)))
    assert learnt(one) == learnt(other)


def test_a_planted_fit_on_all_rows_is_found(wide, monkeypatch):
    def all_rows(panel, segment, name):
        everywhere = np.where(np.isfinite(panel.target_ST), segment, panel.segment_ST).astype(np.int8)
        return _cells(dataclasses.replace(panel, segment_ST=everywhere), segment, name)

    monkeypatch.setattr("assets.training.fit._cells", all_rows)
    one, other = (projected(each, MODELS[0]).forecaster for each in (wide, spoilt(wide, TEST)))
    assert learnt(one) != learnt(other)
