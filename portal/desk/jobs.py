"""Periodic work of the desk: shells that call the actions batch by batch, each batch a unit of work of its own."""

from collections.abc import Callable

from portal.desk.actions import sweeping
from portal.kernel import clock, jobs
from portal.kernel.unit_of_work import unit_of_work

BATCHES = 100
"""At most so many in one run; what is left is taken up half a minute later."""


@jobs.every(seconds=30, name="desk.sweep", transaction=False)
def sweep() -> None:
    """Warn about clocks, ask whether it worked, close what nobody speaks about any more."""
    for work in (sweeping.warn_due, sweeping.follow_up):
        _in_batches(work)


def _in_batches(work: Callable[..., int]) -> None:
    for _ in range(BATCHES):
        with unit_of_work():
            number = work(now=clock.now())
        if number < sweeping.BATCH:
            return
