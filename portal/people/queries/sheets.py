"""The directory as a file: what its page says about each person."""

from datetime import date
from typing import Any

from portal.kernel.csvsafe import Cell
from portal.kernel.export import BATCH, Sheet
from portal.kernel.messages import say
from portal.kernel.policy import Actor
from portal.people.queries import persons
from portal.people.queries.persons import PersonRow


def directory(actor: Actor, narrowed: dict[str, Any], *, today: date) -> Sheet[PersonRow]:
    """The people the actor may see, ``narrowed`` as on the page, by surname."""
    head = (say("Staff number"), say("Name"), say("Title"), say("Department"), say("Location"), say("Phone"), say("Ask me about"), say("Back on"))
    return Sheet("people", head, lambda at: persons.directory(actor, **narrowed, cursor=at, today=today, limit=BATCH), _cells)


def _cells(row: PersonRow) -> tuple[Cell, ...]:
    return (row.staff_number, row.name, row.title, row.department, row.location, row.phone, row.ask_me_about, row.back_on)
