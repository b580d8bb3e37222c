"""Roll back: give the seat of the champion back to an earlier one, whose model serves from then on.

    python -m pipelines.roll_back --reason "its orders looked wrong on the 3rd"
    python -m pipelines.roll_back --horizon 5 --to ridge_price --reason "..."

Without `--to` it is the champion before this one. The one who lost the seat may try again after a quarter of new
sessions. To move the alias `champion` in MLflow by hand does the same; the reason is then not known.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from assets.evaluation.promotion import Seat
from assets.sources.identity import name_of
from pipelines.promotions import CHAMPION, Seats, registered
from pipelines.settings import read_settings
from pipelines.tracking import Tracking

CANNOT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Roll back, and say what serves now; 2 where there is nothing to go back to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--horizon", type=int, help="of the seat; may be left out where there is one seat")
    parser.add_argument("--to", help="an earlier champion; by default the last one")
    parser.add_argument("--reason", required=True, help="why, in a sentence; it stays in evaluation.promotions")
    asked = parser.parse_args(arguments)
    try:
        settings = read_settings()
        seats = Seats(settings.ledgers, name_of(settings.source))
        tracking = Tracking(settings.tracking_uri, settings.artifacts)
        seat = roll_back(seats, tracking, _horizon(seats, asked.horizon), asked.to, asked.reason)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return CANNOT
    print(f"{seat.holder} is champion of horizon {seat.horizon} again; {seat.champion} was. {seat.reason}")
    return 0


def roll_back(seats: Seats, tracking: Tracking, horizon: int, to: str | None, reason: str) -> Seat:
    """Move the alias, then record it; raises ValueError where there is no such earlier champion."""
    history = seats.read(horizon)
    now = history[-1].holder
    former = list(dict.fromkeys(seat.holder for seat in reversed(history) if seat.holder != now))
    if not former:
        raise ValueError(f"{now} has been champion of horizon {horizon} from the beginning; there is nobody before it")
    if to not in (None, *former):
        raise ValueError(f"{to} was not champion of horizon {horizon}; those before {now} were {former}")
    name, holder = registered(horizon), to or former[0]
    versions = tracking.client.search_model_versions(f"name = '{name}'", order_by=["version_number DESC"])
    version = next((found for found in versions if found.tags.get("experiment") == holder), None)
    if version is None:
        raise ValueError(f"{holder} has no model in the registry under {name}; materialise its forecasts first")
    tracking.point(name, CHAMPION, str(version.version))
    seat = Seat(
        source=seats.source,
        horizon=horizon,
        told="rolled back",
        champion=now,
        challenger=holder,
        trial=version.tags["trial"],
        until=history[-1].until,
        reason=reason,
    )
    seats.add(horizon, lambda before: seat)
    return seat


def _horizon(seats: Seats, asked: int | None) -> int:
    known = sorted({seat.horizon for seat in seats.read()})
    if not known:
        raise ValueError(f"no champion of {seats.source} yet; make demo seats the first one")
    if asked is None and len(known) == 1:
        return known[0]
    if asked not in known:
        found = "none was given" if asked is None else f"{asked} has none"
        raise ValueError(f"horizons with a champion are {known}; {found}. Give --horizon")
    return asked


if __name__ == "__main__":
    sys.exit(main())
