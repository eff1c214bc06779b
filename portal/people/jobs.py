"""Work of people that happens later: links and notices by mail, last days, forgetting old tries."""

from typing import Any, cast

from portal.kernel import clock, jobs
from portal.people.actions import accounts, imports, persons, second_factor, throttling


@jobs.job("people.accounts.send_link")
def send_link(account: str, purpose: str, wanted: bool = True) -> None:
    """Mail a link; ``wanted`` is false when too many were asked for, and then nothing happens."""
    if wanted:
        accounts.send_link(account, cast(Any, purpose), clock.now())


@jobs.job("people.accounts.tell_owner")
def tell_owner(account: str, failures: int) -> None:
    """Tell somebody that their door was tried many times."""
    accounts.tell_owner(account, failures, clock.now())


@jobs.daily("03:10", name="people.throttles.forget")
def forget_tries() -> None:
    """Old counts of tries are deleted."""
    throttling.forget_old(clock.now())


@jobs.every(seconds=300, name="people.second_factors.remove")
def remove_second_factors() -> None:
    """What an administrator asked to take away a day ago goes, unless its owner objected."""
    second_factor.remove_due(clock.now())


@jobs.every(seconds=900, name="people.persons.last_days")
def last_days() -> None:
    """Whoever's last day is over where they are is deactivated; they were signed out at midnight already."""
    persons.end_last_days(clock.now())


@jobs.job("people.import.run", transaction=False)
def run_import(run_id: int) -> None:
    """Write a confirmed people file, batch by batch."""
    imports.apply(run_id, now=clock.now())
