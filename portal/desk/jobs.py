"""Periodic work of the desk: shells that call the actions batch by batch, each batch a unit of work of its own."""

from collections.abc import Callable

from portal.desk import figure_packing, figure_rebuilding, reactions
from portal.desk.actions import drafts, importing, presence, services, sharing, snoozing, sweeping
from portal.kernel import clock, jobs, search_keeping
from portal.kernel.unit_of_work import unit_of_work

BATCHES = 800
"""At most so many in one run; what is left is taken up half a minute later."""


@jobs.every(seconds=30, name="desk.sweep", transaction=False)
def sweep() -> None:
    """Warn about clocks, ask whether it worked, close what nobody speaks about any more."""
    for work in (sweeping.warn_due, sweeping.follow_up, snoozing.wake_due):
        _in_batches(work)
    _in_batches(sharing.return_due, sharing.BATCH)


def _in_batches(work: Callable[..., int], size: int = sweeping.BATCH) -> None:
    for _ in range(BATCHES):
        with unit_of_work():
            number = work(now=clock.now())
        if number < size:
            return


@jobs.every(seconds=60, name="search.tidy", transaction=False)
def tidy_search() -> None:
    """Merge what commits wrote into the search index."""
    search_keeping.tidy()


@jobs.every(seconds=60, name="desk.fold_figures", transaction=False)
def fold_figures() -> None:
    """Add what changed to the figures of its day, count what came from elsewhere, and pack weeks and months that are over."""
    for _ in range(BATCHES):
        with unit_of_work():
            number = figure_packing.settle() + figure_packing.fold()
        if number < figure_packing.BATCH:
            break
    with unit_of_work():
        figure_packing.pack(clock.now())
    with unit_of_work():
        figure_packing.count_heads(clock.now())


@jobs.job("desk.rebuild_figures", transaction=False)
def rebuild_figures() -> None:
    """Count the figures anew, part by part: once after the upgrade that brought them. It may take longer than a lease; twice is once."""
    for _ in figure_rebuilding.steps(clock.now()):
        pass


@jobs.job("desk.tell_named")
def tell_named(message_id: int) -> None:
    """Tell those a team note names."""
    reactions.tell_of_names(message_id)


@jobs.daily("03:40", name="desk.forget_typed", transaction=False)
def forget_typed() -> None:
    """Take out drafts nobody came back to, and who was writing."""
    with unit_of_work():
        presence.forget_old(now=clock.now())
    _in_batches(drafts.forget_old, drafts.BATCH)


@jobs.job("desk.apply_promise")
def apply_promise(version_id: int, after: int) -> None:
    """Let open requests follow a new promise, a batch at a time; the next batch is a job of its own."""
    if last := services.apply_promise(version_id, after, now=clock.now()):
        jobs.enqueue("desk.apply_promise", unique=f"{version_id}:{last}", version_id=version_id, after=last)


@jobs.job("desk.apply_hours")
def apply_hours(version_id: int, department_id: int, after: int) -> None:
    """Let open requests follow newer working hours, a batch at a time."""
    if last := services.apply_hours(version_id, department_id, after, now=clock.now()):
        jobs.enqueue("desk.apply_hours", unique=f"{department_id}:{version_id}:{last}", version_id=version_id, department_id=department_id, after=last)


@jobs.job("desk.import.look", transaction=False)
def look_at_import(run_id: int) -> None:
    """Read a file of an earlier desk and keep what it would do."""
    importing.look(run_id, now=clock.now())


@jobs.job("desk.import.run", transaction=False)
def run_import(run_id: int) -> None:
    """Take a confirmed file of an earlier desk over, from where it stands."""
    importing.apply(run_id, now=clock.now())
