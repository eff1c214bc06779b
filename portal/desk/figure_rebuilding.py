"""Counting all figures anew while the portal runs: months oldest first, each a unit of work of its own."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import groupby

from portal.desk import figure_packing as packing
from portal.kernel.unit_of_work import run


def steps(now: datetime, since: date | None = None) -> Iterator[date]:
    """Place what has no place, count every month from ``since`` on, pack; yields each month when it is done. Opens its own units of work."""
    while run(lambda: packing.settle(noted=False)):
        pass
    found = [part for part in run(packing.parts) if since is None or part.start >= since.replace(day=1)]
    for month, parts in groupby(found, key=lambda part: part.start):
        for part in parts:
            run(lambda part=part: packing.rebuild_part(part))  # type: ignore[misc]  # the part of this turn
        yield month
    while run(lambda: packing.pack(now)):
        pass
    run(lambda: packing.count_heads(now))
