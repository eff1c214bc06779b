"""One append-only row per change: the timeline people read, the audit trail, and what reactions hang on.

``record`` also enqueues one job per registered reaction in the same transaction, so nothing is lost between
two commits and nothing happens for a change that was rolled back.
"""

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from flask import g, has_request_context
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel import jobs
from portal.kernel.db import Identified, db
from portal.kernel.policy import Actor

Reaction = Callable[[Any, "Activity"], None]
F = TypeVar("F", bound=Reaction)


class Activity(Identified):
    """Who did what to which thing, when; never changed, never deleted."""

    __tablename__ = "activity"
    __table_args__ = (
        sa.Index("ix_activity_subject", "subject_kind", "subject_id", "id"),
        sa.Index("ix_activity_actor_id_id", "actor_id", "id"),
        sa.Index("ix_activity_event_id", "event", "id"),
    )

    at: Mapped[datetime] = mapped_column(index=True)
    event: Mapped[str] = mapped_column(sa.String(80))
    actor_kind: Mapped[str] = mapped_column(sa.String(12))
    actor_id: Mapped[int | None]
    subject_kind: Mapped[str] = mapped_column(sa.String(60))
    subject_id: Mapped[int]
    data: Mapped[dict[str, Any]]
    changes: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))
    channel: Mapped[str] = mapped_column(sa.String(12))
    request_ref: Mapped[str | None] = mapped_column(sa.String(40))


@dataclass(frozen=True)
class _Hook:
    name: str
    contract: type
    react: Reaction


_by_event: dict[str, list[_Hook]] = defaultdict(list)
_by_name: dict[str, _Hook] = {}


def on(contract: type) -> Callable[[F], F]:
    """Register what a feature does about another's event; runs after the commit, as a job, at least once."""

    def keep(react: F) -> F:
        hook = _Hook(f"{react.__module__}.{react.__qualname__}", contract, react)
        if hook.name not in _by_name:
            _by_event[event_name(contract)].append(hook)
        _by_name[hook.name] = hook
        return react

    return keep


def event_name(contract: type) -> str:
    """The stable name of an event, such as ``desk.request.resolved``."""
    return str(cast(Any, contract).event)


def record(contract: Any, *, actor: Actor, subject: tuple[str, int], at: datetime, changes: Mapping[str, Any] | None = None, quiet: bool = False) -> Activity:
    """Add the row of one change and hang its reactions on it; ``quiet`` (history being loaded) has no reactions."""
    row = Activity(
        at=at,
        event=event_name(type(contract)),
        actor_kind=actor.kind,
        actor_id=actor.person_id,
        subject_kind=subject[0],
        subject_id=subject[1],
        data=dataclasses.asdict(contract),
        changes=dict(changes) if changes else None,
        channel="web" if has_request_context() else "portal",
        request_ref=getattr(g, "request_ref", None) if has_request_context() else None,
    )
    db.session.add(row)
    db.session.flush()
    for hook in () if quiet else _by_event[row.event]:
        jobs.enqueue("kernel.react", activity_id=row.id, hook=hook.name)
    return row


def hooks_of(event: str) -> tuple[str, ...]:
    """Names of the reactions registered for an event, in the words ``react`` takes."""
    return tuple(hook.name for hook in _by_event[event])


@jobs.job("kernel.react")
def react(activity_id: int, hook: str) -> None:
    """Run one reaction for one row; a reaction that no longer exists is nothing to do."""
    found = _by_name.get(hook)
    row = db.session.get(Activity, activity_id)
    if found is None or row is None:
        return
    known = {f.name for f in dataclasses.fields(found.contract)}
    found.react(found.contract(**{k: v for k, v in row.data.items() if k in known}), row)


def of(subject: tuple[str, int], limit: int = 500) -> list[Activity]:
    """The newest ``limit`` rows about one thing, oldest first."""
    query = sa.select(Activity).where(Activity.subject_kind == subject[0], Activity.subject_id == subject[1])
    return list(reversed(db.session.scalars(query.order_by(Activity.id.desc()).limit(limit)).all()))
