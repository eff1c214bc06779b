"""`portal demo --people N --requests N`: Marlow Cycles grown big, beside the living company and by the same rules.

What is to be made is written down first (``demo.big``), then made in units of work that each leave something whole: a killed command goes
on where it stopped. The new requests have the numbers after all that were there; nobody is told about what happened before.
"""

import json
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask

from portal.content import marlow
from portal.demo import big_people
from portal.demo.big_cast import theatre
from portal.demo.big_prints import WEEK, Print, Stamp, monday, played
from portal.demo.loading import ORDER, number_on
from portal.demo.organisation import SEED
from portal.desk import figure_rebuilding
from portal.desk.models import Message, Request
from portal.desk.queries.search import REQUESTS
from portal.kernel import search_keeping
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.settings import Settings, SettingsError
from portal.kernel.unit_of_work import run

PLAN = "demo.big"
WEEKS = 104
"""So far back requests go."""
AT_ONCE, TIDY = 1000, 25
"""Requests in one unit of work, and units after which search is merged."""
TRIES = 4
"""Prints that are tried for a week before a story is played in it."""
LIVELY = timedelta(weeks=5)
Progress = Callable[[str, int, int], None]
Copy = tuple[Print, Stamp]


@dataclass(frozen=True)
class Plan:
    """What is to be made: up to how many people, how many requests beside those of the living demo, with numbers from ``first`` on."""

    people: int
    requests: int
    seed: int
    now: datetime
    first: int
    done: bool = False

    @property
    def start(self) -> datetime:
        """The beginning of the first week."""
        return datetime.combine(monday(self.now) - WEEKS * WEEK, time.min, UTC)

    def before(self, week: int) -> int:
        """How many requests were filed before a week (from zero): as many in each, the last one as far as it went."""
        passed = min(week * WEEK / (self.now - self.start), 1.0)
        return int(self.requests * passed)


def make_big(app: Flask, settings: Settings, people: int | None, requests: int | None, *, progress: Progress, now: datetime) -> None:
    """Begin, or go on with what was begun; nothing when neither was asked for. Raises SettingsError for another size than was begun with."""
    with app.app_context():
        plan = _plan(settings.instance, people, requests, now)
        if plan is None or plan.done:
            return
        for done in big_people.hire(plan.people, seed=plan.seed, now=plan.now):
            progress("people", done, plan.people)
        for done in Writer(plan).weeks():
            progress("requests", done, plan.requests)
        for month in figure_rebuilding.steps(plan.now):
            progress(f"figures of {month:%Y-%m}", 0, 0)
        search_keeping.tidy()
        _keep(settings.instance, replace(plan, done=True))


def _plan(instance: Path, people: int | None, requests: int | None, now: datetime) -> Plan | None:
    plan = kept(instance)
    if plan is None:
        return _keep(instance, Plan(people or 0, requests or 0, SEED, now.replace(microsecond=0), _first_number())) if people or requests else None
    if (people or plan.people, requests or plan.requests) != (plan.people, plan.requests):
        raise SettingsError(f"This demo was begun with {plan.people} people and {plan.requests} requests. Start over with --fresh for another size.")
    return plan


def kept(instance: Path) -> Plan | None:
    """What was begun in an instance."""
    file = instance / PLAN
    if not file.exists():
        return None
    found = json.loads(file.read_text(encoding="ascii"))
    return Plan(**found | {"now": datetime.fromisoformat(found["now"])})


def _first_number() -> int:
    """After all requests, and where no message has a number that a request of ours will use (a hundred for each)."""
    highest = [db.session.scalar(sa.select(sa.func.max(column))) or 0 for column in (Request.id, Message.id)]
    db.session.rollback()
    return max(highest[0], highest[1] // 100) + 1


def _keep(instance: Path, plan: Plan) -> Plan:
    part = instance / f"{PLAN}.part"
    with part.open("w", encoding="ascii") as file:
        json.dump(asdict(plan) | {"now": plan.now.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(instance / PLAN)
    return plan


class Writer:
    """Writes the weeks of a plan, oldest first."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.scene, self.askers = plan, theatre(plan.now), big_people.askers()
        self.cases = marlow.conversations()

    def weeks(self) -> Iterator[int]:
        """Yields how many requests are there after each unit of work."""
        turn = 0
        for week in range(WEEKS + 1):
            for batch in self._missing(week):
                run(lambda batch=batch: _write(batch))  # type: ignore[misc]  # the batch of this turn
                turn += 1
                if turn % TIDY == 0:
                    search_keeping.tidy()
                yield batch[-1][1].number - self.plan.first + 1
        run(lambda: number_on((Request, Message)))

    def _missing(self, week: int) -> Iterator[Sequence[Copy]]:
        """Batches of a week that are not written; a batch is there as a whole or not at all."""
        low, high = self.plan.before(week), self.plan.before(week + 1)
        if starts := [start - low for start in range(low, high, AT_ONCE) if not self._is_there(self.plan.first + start)]:
            copies = self.copies(week)
            yield from (copies[start : start + AT_ONCE] for start in starts)

    def _is_there(self, number: int) -> bool:
        found = db.session.scalar(sa.select(Request.id).where(Request.id == number))
        db.session.rollback()
        return found is not None

    @cached_property
    def prints(self) -> list[Print]:
        """Stories all over the years that ended: the more requests, the more of them."""
        dice = random.Random(f"{self.plan.seed} prints")
        wanted, years = max(150, min(3000, self.plan.requests // 10)), self.plan.now - self.plan.start
        tried = (played(self.scene, dice.choice(self.cases), self.plan.start + years * dice.random(), dice) for _ in range(wanted * 3))
        return list(islice((made for made in tried if made.is_over), wanted))

    def copies(self, week: int) -> list[Copy]:
        """The requests of a week in the order in which they were filed, numbered."""
        low, high = self.plan.before(week), self.plan.before(week + 1)
        dice = random.Random(f"{self.plan.seed} week {week}")
        begin = self.plan.start + week * WEEK
        most = min(max(high - low, 40), 600) if self.plan.now - begin < LIVELY else min(max((high - low) // 8, 8), 100)
        here: list[Print] = []
        chosen = [self._choose(begin, here, most, dice) for _ in range(high - low)]
        chosen.sort(key=lambda pair: pair[0].filed + pair[1])
        numbers = range(self.plan.first + low, self.plan.first + high)
        return [(made, Stamp(number, dice.choice(self.askers), shift)) for number, (made, shift) in zip(numbers, chosen, strict=True)]

    def _choose(self, begin: datetime, here: list[Print], most: int, dice: random.Random) -> tuple[Print, timedelta]:
        """A print and its shift into the week that begins then; one played in this week where none fits or its end is not known yet."""
        for _ in range(TRIES):
            made = dice.choice(self.prints)
            shift = begin.date() - monday(made.filed)
            if made.end + shift > self.plan.now:
                break
            if made.fits(shift):
                return made, shift
        if len(here) < most:
            last = min(begin + WEEK, self.plan.now)
            here.append(played(self.scene, dice.choice(self.prints).case, begin + (last - begin) * dice.random(), dice))
            return here[-1], timedelta()
        return dice.choice(here), timedelta()


def _write(batch: Sequence[Copy]) -> None:
    rows = rows_of(batch)
    rows[Activity].sort(key=lambda row: row["at"])
    for table in ORDER:
        if rows[table]:
            db.session.execute(sa.insert(table.__table__), rows[table])  # type: ignore[attr-defined]  # all of them are tables
    search_keeping.take_in(REQUESTS.name, batch[0][1].number, batch[-1][1].number)


def rows_of(batch: Sequence[Copy]) -> dict[type, list[dict[str, Any]]]:
    """The rows of copies by table."""
    rows: dict[type, list[dict[str, Any]]] = defaultdict(list)
    for made, stamp in batch:
        for table, row in made.rows(stamp):
            rows[table].append(row)
    return rows
