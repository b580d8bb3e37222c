"""Tariff: the arrays say what the rule book says of each session and exchange."""

from datetime import date

import pytest

from assets.evaluation import tariff
from assets.evaluation.executor import RATES, Tariff

DAYS = [date(2012, 12, 31), date(2013, 1, 4), date(2015, 7, 31), date(2015, 9, 8), date(2022, 4, 29), date(2023, 8, 28)]


def column(found: Tariff, name: str) -> list[int]:
    return found.rates_TQ[:, RATES.index(name)].tolist()


def test_rates_are_whole_billionths_by_session_and_exchange():
    found = tariff.dated(DAYS, 0.00025)
    assert column(found, "commission_buy") == [250_000] * 6
    assert column(found, "minimum") == [500] * 6
    assert column(found, "duty_sell") == [1_000_000] * 5 + [500_000]
    assert column(found, "duty_buy") == [0] * 6
    assert column(found, "transfer_szse") == [25_500, 25_500, 25_500, 20_000, 10_000, 10_000]
    assert column(found, "transfer_sse") == [0, 0, 0, 20_000, 10_000, 10_000]
    assert column(found, "by_share_sse") == [30_000_000] * 3 + [0] * 3
    assert column(found, "transfer_bse") == [0, 0, 0, 0, 10_000, 10_000]


def test_the_tax_of_a_record_date_is_found_by_its_row():
    found = tariff.dated(DAYS, 0.0)
    taxes = [found.tax_PH[row].tolist() for row in column(found, "period")]
    assert taxes == [[0.1, 0.1, 0.1]] + [[0.2, 0.1, 0.05]] * 2 + [[0.2, 0.1, 0.0]] * 3
    assert column(tariff.taxed_only(DAYS), "period") == column(found, "period")


def test_a_free_tariff_charges_nothing_and_keeps_the_lots():
    found = tariff.free(DAYS)
    assert not found.tax_PH.any()
    assert not any(any(column(found, name)) for name in RATES if name not in ("month", "year"))
    assert found.lots_QTB[0, -1].tolist() == [100, 100, 200, 100]


def test_a_flat_tariff_has_one_rate_for_each_side():
    found = tariff.flat(DAYS, 0.0005, 0.0015, 5.0)
    assert column(found, "commission_buy") == [500_000] * 6
    assert column(found, "commission_sell") == [1_500_000] * 6
    assert column(found, "minimum") == [500] * 6


def test_a_commission_above_the_cap_is_refused():
    with pytest.raises(ValueError, match="commission was"):
        tariff.dated(DAYS, 0.0031)
