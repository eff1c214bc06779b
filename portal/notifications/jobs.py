"""Jobs of the inbox: bring what was told, sweep the digests; and the truth that mail reaches people."""

from portal.kernel import clock, health, jobs
from portal.notifications import automatic, bounces, delivery, queries


@jobs.job("notifications.deliver")
def deliver(person_id: int, subject_kind: str, subject_id: int) -> None:
    """Bring one person what they were told about one thing."""
    delivery.bring(person_id, (subject_kind, subject_id), clock.now())


@jobs.job("notifications.deliver_some")
def deliver_some(person_ids: list[int], subject_kind: str, subject_id: int) -> None:
    """Bring several people what they were told about one thing."""
    for person_id in person_ids:
        delivery.bring(person_id, (subject_kind, subject_id), clock.now())


@jobs.job("notifications.deliver_hour")
def deliver_hour(person_id: int) -> None:
    """Bring one person the warnings that gathered."""
    delivery.bring_hour(person_id, clock.now())


@jobs.every(seconds=3600, name="notifications.digests")
def sweep() -> None:
    """Bring the digests of everybody for whom it is eight in the morning, or was since the last sweep."""
    sweep_on(after=0)


@jobs.job("notifications.digests_on")
def sweep_on(after: int) -> None:
    """One batch of a sweep; the next is a job of its own."""
    cursor = delivery.sweep_digests(after, clock.now())
    if cursor is not None:
        jobs.enqueue("notifications.digests_on", unique=str(cursor), after=cursor)


@jobs.daily("03:40", name="notifications.forget")
def forget() -> None:
    """What came back more than a year ago goes, and when addresses last got an automatic answer."""
    automatic.forget(clock.now())
    bounces.forget(clock.now())


@health.invariant("Nobody waits for a mail longer than two days")
def nobody_is_forgotten() -> list[str]:
    """Notices whose mail is overdue: quiet hours and gaps are over after a day at most."""
    return [f"notice {number} for person {person_id} waits since {since:%Y-%m-%d %H:%M} UTC" for number, person_id, since in queries.forgotten(clock.now())]
