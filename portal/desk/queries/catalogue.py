"""The catalogue as people read and search it: services by department, with what each promises."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from portal.desk import words
from portal.desk.models import PromiseVersion, Service
from portal.desk.policy import services_visible_to
from portal.desk.rules import Priority
from portal.kernel.messages import Message, say
from portal.kernel.policy import Actor
from portal.kernel.prepared import like, once, read
from portal.people.models import Department
from portal.people.rules import folded

SHOWN = 12
SHORT = 4
"""Hits of a search on the page of the catalogue."""
_IDLE = """a an and at can do for from get have i in is it me my need not of on or our please some something that the this to want we with would you"""
IDLE = frozenset(_IDLE.split())
"""Words that say nothing about what somebody needs."""


@dataclass(frozen=True)
class ServiceRow:
    """One service in lists, with its promise for ordinary requests in seconds of working time."""

    id: int
    key: str
    name: str
    question: str
    outcome: str
    keywords: str
    icon: str
    call_note: str
    department_id: int
    department_key: str
    department: str
    value_line: str
    promise: Mapping[str, Any]

    @property
    def promised(self) -> Message:
        """What it promises in a few words: "Answer within 4 h, done in 2 days"."""
        return promise_words(self.promise)


def promise_words(row: Mapping[str, Any]) -> Message:
    """The promise of one priority in a few words; ``row`` as ``PromiseVersion.targets`` keeps it."""
    hours = words.ROUND_THE_CLOCK if row.get("round_the_clock") else words.WORKING_DAY
    if not row:
        return say("Nothing is promised yet")
    answer = words.working_time(timedelta(seconds=int(row["first_response"])), hours)
    if row.get("resolution") is None:
        return say("Answer within %(answer)s, then a date", answer=answer)
    done = words.working_time(timedelta(seconds=int(row["resolution"])), hours)
    if row.get("round_the_clock"):
        return say("Answer within %(answer)s, day and night", answer=answer)
    return say("Answer within %(answer)s, done in %(done)s", answer=answer, done=done)


@dataclass(frozen=True)
class Counter:
    """A department with what it does for others."""

    key: str
    name: str
    value_line: str
    services: Sequence[ServiceRow]


def all_services(actor: Actor, department_id: int | None = None) -> list[ServiceRow]:
    """Every service the actor may ask for, by department; one statement."""
    found = read(_services(like(actor), department_id is not None), {"department": department_id} if department_id is not None else {})
    return [ServiceRow(*[*row[:-1], (row[-1] or {}).get(Priority.NORMAL.value, {})]) for row in found]


@once
def _services(rights: Actor, of_one: bool) -> Any:
    """Statement: the services somebody with these rights may ask for, of all departments or of one."""
    newest = sa.select(sa.func.max(PromiseVersion.version)).where(PromiseVersion.service_id == Service.id).correlate(Service).scalar_subquery()
    query: Any = (
        sa.select(
            Service.id,
            Service.key,
            Service.name,
            Service.question,
            Service.outcome,
            Service.words,
            Service.icon,
            Service.call_note,
            Department.id,
            Department.key,
            Department.name,
            Department.value_line,
            PromiseVersion.targets,
        )
        .join(Department, Department.id == Service.department_id)
        .outerjoin(PromiseVersion, sa.and_(PromiseVersion.service_id == Service.id, PromiseVersion.version == newest))
        .where(Service.is_active == sa.true(), services_visible_to(rights))
        .order_by(sa.func.lower(Department.name), Department.id, Service.position, Service.id)
    )
    return query.where(Service.department_id == sa.bindparam("department", type_=sa.Integer)) if of_one else query


def by_department(rows: Iterable[ServiceRow]) -> list[Counter]:
    """Services under the departments that offer them, in the order given."""
    found = []
    for key, group in groupby(rows, key=lambda row: row.department_key):
        services = list(group)
        found.append(Counter(key, services[0].department, services[0].value_line, services))
    return found


# -- search by words ----------------------------------------------------------------------------------------------------


def find(rows: Sequence[ServiceRow], text: str, limit: int = SHOWN) -> list[ServiceRow]:
    """The services that fit the words best, the best first; words that say nothing are left out. Pure."""
    wanted = _wanted(text)
    if not wanted:
        return []
    scored = [(score, -place, row) for place, row in enumerate(rows) if (score := _score(row, wanted))]
    return [row for _, _, row in sorted(scored, key=lambda hit: hit[:2], reverse=True)[:limit]]


def _wanted(text: str) -> list[str]:
    typed = [word for word in _split(text[:200]) if word][:10]
    telling = [word for word in typed if word not in IDLE]
    return telling or typed


def _split(text: str) -> list[str]:
    return [word for word in re.split(r"[^\w]+", folded(text)) if word]


def _score(row: ServiceRow, wanted: Sequence[str]) -> float:
    """How well a service fits: the name counts most, then what people call it, then what comes of it, then who does it."""
    fields = ((row.name, 6.0), (row.keywords, 5.0), (row.question, 3.0), (row.outcome, 2.0), (row.department, 2.0))
    pools = [(_pool(text), weight) for text, weight in fields]
    hits = [max(weight * _fit(word, pool) for pool, weight in pools) for word in wanted]
    told = sum(1 for hit in hits if hit)
    phrase = 3.0 if folded(" ".join(wanted)) in _phrases(row.keywords) else 0.0
    return (sum(hits) + phrase) * told / len(wanted)


@dataclass(frozen=True)
class _Pool:
    """The words of a text, and their stems."""

    words: frozenset[str]
    stems: frozenset[str]


@lru_cache(maxsize=4096)
def _pool(text: str) -> _Pool:
    """Texts of services are few and change seldom, and every search looks at all of them."""
    words = frozenset(_split(text))
    return _Pool(words, frozenset(_stem(word) for word in words if len(word) > SHORT - 1))


@lru_cache(maxsize=1024)
def _phrases(keywords: str) -> frozenset[str]:
    return frozenset(folded(part) for part in keywords.split(","))


def _fit(word: str, pool: _Pool) -> float:
    if word in pool.words:
        return 1.0
    if any(known.startswith(word) for known in pool.words):
        return 0.8
    # "radiators", "moving", "cleaned": the same word with another ending.
    return 0.6 if len(word) > SHORT and _stem(word) in pool.stems else 0.0


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word[: -len(ending)]
    return word
