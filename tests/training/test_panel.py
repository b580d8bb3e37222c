"""Tests of the panel."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm, rankdata

from assets.training.panel import TEST, TRAIN, VALID, build_panel


def test_every_cell_equals_the_row_that_it_comes_from(frames, panel):
    assert panel.columns == ("open_to_close", "log_return", "turnover")
    assert panel.sequence_columns == ("open_to_close", "log_return")
    rows = {}
    for frame in frames["features"].values():
        for row in frame.to_dicts():
            rows.setdefault((row["security_id"], row["session"]), {}).update(row)
    for s, security in enumerate(panel.grid.securities):
        for t, session in enumerate(panel.grid.sessions):
            row = rows.get((security, session), {})
            for f, column in enumerate(panel.columns):
                np.testing.assert_equal(panel.x_STF[s, t, f], np.float32(row.get(column, np.nan)))


def test_labels_segments_and_members_equal_the_rows_that_they_come_from(frames, panel):
    codes = {"train": TRAIN, "valid": VALID, "test": TEST}
    members = {(row["security_id"], row["session"]): row["is_member"] for row in frames["universe"].to_dicts()}
    for row in frames["labels"].to_dicts():
        s, t = panel.grid.securities.index(row["security_id"]), panel.grid.sessions.index(row["session"])
        label = np.nan if row["forward_return"] is None else row["forward_return"]
        np.testing.assert_equal(panel.label_ST[s, t], np.float32(label))
        assert panel.segment_ST[s, t] == codes.get(row["segment"], 0)
        assert panel.member_ST[s, t] == members[row["security_id"], row["session"]]


def test_targets_are_normal_scores_among_the_labelled_members_of_a_session(panel):
    for t in range(len(panel.grid.sessions)):
        names = np.isfinite(panel.label_ST[:, t]) & panel.member_ST[:, t] & (panel.segment_ST[:, t] > 0)
        assert np.isnan(panel.target_ST[~names, t]).all()
        if names.any():
            share = (rankdata(panel.label_ST[names, t]) - 0.5) / names.sum()
            np.testing.assert_allclose(panel.target_ST[names, t], norm.ppf(share), atol=1e-6)


def test_a_session_that_two_segments_share_is_ranked_in_parts(frames):
    session = frames["labels"]["session"][24 * 50]
    parted = frames["labels"].with_columns(
        segment=pl.when((pl.col("session") == session) & (pl.col("security_id") < "sh600012"))
        .then(pl.lit("valid"))
        .otherwise("segment")
    )
    target = build_panel(**frames | {"labels": parted}).target_ST[:, 50]
    assert np.nanmean(target[:12]) == pytest.approx(0, abs=1e-6)
    assert np.nanmean(target[12:]) == pytest.approx(0, abs=1e-6)


def test_forecast_cells_are_the_members_of_valid_and_test_with_or_without_a_label(panel):
    rows, sessions = panel.forecast_cells()
    assert (np.diff(sessions) >= 0).all()
    chosen = np.zeros(panel.grid.shape, dtype=bool)
    chosen[rows, sessions] = True
    assert len(rows) == chosen.sum()
    np.testing.assert_array_equal(chosen, panel.member_ST & np.isin(panel.segment_ST, (VALID, TEST)))
    assert np.isnan(panel.label_ST[rows, sessions]).any()


def test_rows_outside_the_sessions_and_the_universe_are_left_out(frames, panel):
    fewer = frames | {
        "sessions": frames["sessions"][10:],
        "universe": frames["universe"].filter(pl.col("security_id") != "sh600000"),
    }
    small = build_panel(**fewer)
    assert small.grid.shape == (23, 150)
    np.testing.assert_array_equal(small.x_STF, panel.x_STF[1:, 10:])


def test_the_order_of_rows_has_no_influence(frames, panel):
    shuffled = {name: frame.sample(fraction=1, shuffle=True, seed=3) for name, frame in frames["features"].items()}
    again = build_panel(**frames | {"features": shuffled, "labels": frames["labels"].reverse()})
    np.testing.assert_array_equal(again.x_STF, panel.x_STF)
    np.testing.assert_array_equal(again.target_ST, panel.target_ST)


def test_two_rows_for_one_cell_are_refused(frames):
    doubled = pl.concat([frames["labels"], frames["labels"].head(2)])
    with pytest.raises(ValueError, match="labels has 4 rows whose session and security are not unique"):
        build_panel(**frames | {"labels": doubled})


def test_a_column_in_two_groups_is_refused(frames):
    features = frames["features"] | {"copy": frames["features"]["price_window"]}
    with pytest.raises(ValueError, match="column 'open_to_close' is in the groups price_window and copy"):
        build_panel(**frames | {"features": features})


def test_an_unknown_segment_is_refused_with_what_is_allowed(frames):
    with pytest.raises(ValueError, match=r"unknown segments \['vaild'\]; allowed: .*'valid'"):
        build_panel(**frames | {"labels": frames["labels"].with_columns(segment=pl.lit("vaild"))})


def test_an_unknown_sequence_group_is_refused(frames):
    with pytest.raises(ValueError, match=r"unknown feature groups \['price_windw'\]"):
        build_panel(**frames | {"sequence": {"price_windw"}})


def test_market_neutral_takes_the_median_of_the_members_of_the_session_alone():
    sessions = [date(2015, 1, 5), date(2015, 1, 6)]
    names = ["a", "b", "c", "d"]
    keys = {"session": [day for day in sessions for _ in names], "security_id": names * 2}
    feature = pl.DataFrame({**keys, "x": [1.0, 2.0, 9.0, 100.0, 5.0, None, 7.0, 100.0]})
    labels = pl.DataFrame({**keys, "forward_return": [0.1] * 8, "segment": ["train"] * 8})
    universe = pl.DataFrame({**keys, "is_member": [True, True, True, False] * 2})
    panel = build_panel({"g": feature}, set(), labels, universe, sessions, "market_neutral")
    expected = np.array([[-1.0, -1.0], [0.0, np.nan], [7.0, 1.0], [98.0, 94.0]], dtype=np.float32)
    np.testing.assert_array_equal(panel.x_STF[:, :, 0], expected)


def test_groups_name_the_owner_of_every_column(panel):
    assert panel.groups == ("price_window", "price_window", "price_volume")


def test_a_rule_for_one_group_leaves_the_others_to_theirs(frames):
    mixed = build_panel(**frames, normalisation={"default": "rank", "price_window": "none"}).x_STF
    np.testing.assert_array_equal(mixed[..., :2], build_panel(**frames).x_STF[..., :2])
    np.testing.assert_array_equal(mixed[..., 2], build_panel(**frames, normalisation="rank").x_STF[..., 2])
    assert np.nanmax(np.abs(mixed[..., 2])) <= 0.5


def test_industry_neutral_takes_the_median_of_those_known_to_be_in_the_industry_at_the_decision(frames):
    steel = [f"sh6000{number:02d}" for number in range(10, 18)]
    known_from = pl.lit(frames["sessions"][80]).dt.combine(pl.time(18)).dt.replace_time_zone("Asia/Shanghai")
    industries = pl.DataFrame({"security_id": steel, "industry": "steel", "holds": True}).with_columns(
        available_at=known_from, known_on=pl.lit(frames["sessions"][80])
    )
    neutral, market = (
        build_panel(**frames, normalisation=rule, industries=industries.lazy(), decided_hour=hour).x_STF
        for rule, hour in (("industry_neutral", 18), ("market_neutral", 18))
    )
    np.testing.assert_array_equal(neutral[:, :80], market[:, :80])
    np.testing.assert_array_equal(neutral[:10], market[:10])
    np.testing.assert_allclose(np.nanmedian(neutral[10:18, 80:], axis=0), 0, atol=1e-6)
    early = build_panel(**frames, normalisation="industry_neutral", industries=industries.lazy(), decided_hour=17).x_STF
    np.testing.assert_array_equal(early[:, 80], market[:, 80])
    np.testing.assert_array_equal(early[:, 81:], neutral[:, 81:])


def test_industry_neutral_without_industries_is_refused(frames):
    with pytest.raises(ValueError, match="industry_neutral finds no industry for any of 3740 member cells"):
        build_panel(**frames, normalisation="industry_neutral")


def test_what_is_before_a_day_knows_nothing_of_what_comes_after(panel):
    day = panel.grid.sessions[60]
    learned = panel.before(day)
    assert learned.grid.sessions == panel.grid.sessions[:60]
    known = [panel.grid.securities.index(name) for name in learned.grid.securities]
    assert panel.member_ST[known, :60].any(axis=1).all()
    assert not np.delete(panel.member_ST, known, axis=0)[:, :60].any()
    np.testing.assert_array_equal(learned.target_ST, panel.target_ST[known, :60])
    for name in ("x_STF", "label_ST", "target_ST", "member_ST", "segment_ST"):
        later = getattr(panel, name).copy()
        later[:, 60:] = 0 if name == "member_ST" else 1
        assert replace(panel, **{name: later}).before(day).digest() == learned.digest()


def test_each_part_of_what_is_learned_is_in_its_digest_and_a_label_of_no_segment_is_not(panel):
    day = panel.grid.sessions[60]
    learned = panel.before(day)
    row, session = np.argwhere(learned.labelled(TRAIN))[0]
    for name in ("x_STF", "label_ST", "target_ST", "segment_ST"):
        other = getattr(learned, name).copy()
        other[row, session] = 2
        assert replace(learned, **{name: other}).digest() != learned.digest(), name
    assert replace(learned, columns=("a", "b", "c")).digest() != learned.digest()
    segment_ST, label_ST = panel.segment_ST.copy(), panel.label_ST.copy()
    segment_ST[:, 50:] = 0
    label_ST[:, 50:] = np.nan
    pending, settled = (replace(panel, segment_ST=segment_ST, label_ST=one) for one in (label_ST, panel.label_ST))
    assert pending.before(day).digest() == settled.before(day).digest()
