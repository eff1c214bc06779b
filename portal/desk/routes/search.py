"""Requests by their words: the whole list behind the few hits of the search box, with filters and older pages."""

from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from flask_babel import gettext as _

from portal.desk.forms.search import CHOICES, NAMES, SearchFilter
from portal.desk.policy import Desk
from portal.desk.queries import mine as mine_read
from portal.desk.queries import search as search_read
from portal.desk.routes._asking import reader
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, policy
from portal.people.queries import departments


@dataclass(frozen=True)
class Chip:
    """One filter: its name in the address, its label, the words of its value (None: any), what can be chosen."""

    name: str
    label: str
    value: str | None
    options: list[tuple[str, str]]


@bp.get("/requests/search")
@policy.allow(Desk.READ)
def search() -> str:
    """Every request with these words that the reader may read, the newest first or the closest of the newest thousand."""
    form, now = SearchFilter.from_address(), clock.now()
    found = search_read.find(policy.current(), form.wanted(now), cursor=request.args.get("at"))
    eyes = reader(now)
    chips = _chips(form)
    rows = [(hit, mine_read.shown(hit.row, eyes)) for hit in found.hits]
    return render_template("desk/search.html", rows=rows, text=form.q.data or "", held=form.held(), chips=chips, **_links(form, found, chips))


def _chips(form: SearchFilter) -> list[Chip]:
    names = [(str(number), name) for number, name in departments.choices()]
    known = {"department": [("", str(_("Any"))), *names]} | {name: [(value, str(words)) for value, words in pairs] for name, pairs in CHOICES.items()}
    return [_chip(form, name, options) for name, options in known.items()]


def _chip(form: SearchFilter, name: str, options: list[tuple[str, str]]) -> Chip:
    held = form.held().get(name)
    return Chip(name, str(form[name].label.text), dict(options).get(held) if held else None, options)


def _links(form: SearchFilter, found: search_read.Found, chips: list[Chip]) -> dict[str, Any]:
    held: dict[str, Any] = form.held()

    def here(*without: str, **values: Any) -> str:
        return url_for("desk.search", **{name: value for name, value in held.items() if name not in without}, **values)

    return {
        "older": here(at=found.older) if found.older else None,
        "newest": here() if request.args.get("at") else None,
        "without": {name: here(name) for name in held},
        "keep": {name: [pair for pair in held.items() if pair[0] != name] for name in NAMES},
        "filtered": [(chip.value, here(chip.name)) for chip in chips if chip.value],
        "orders": {"": here("order"), "best": here("order", order="best")},
    }
