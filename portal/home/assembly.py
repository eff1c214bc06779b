"""The start page put together from what the features offer; a part that fails rests, and the rest works.

What a provider returns (plain values, so that no feature imports this one):

``home.waiting``  a list of dicts: at, icon, tint, title, text, url, actions = dicts of text, url, kind, post, fields
``home.main``, ``home.side``  a dict: template, optionally title, more_url, more_text, and whatever the template reads from ``part``
``home.chips``    a list of dicts: text, url, icon
``search``        called with query and limit: a list of dicts: key, title, hits = dicts of url, icon, text, note; all_url, all_text, jump
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import structlog
from flask import current_app, url_for
from flask_babel import gettext as _
from markupsafe import Markup

from portal.home import queries
from portal.kernel import shell, slots
from portal.kernel.db import db
from portal.kernel.policy import Actor

T = TypeVar("T")
SHOWN = 8
"""Waiting things on the page; the oldest first, the rest is counted."""
ORDER = ("do", "solve", "requests", "people", "pages")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Action:
    """One answer to something that waits: a link, or a form of one button."""

    text: str
    url: str
    kind: str = ""
    post: bool = False
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    """Something that waits for the reader, answerable in place."""

    at: datetime
    icon: str
    title: str
    text: str
    url: str
    tint: int = 5
    actions: tuple[Action, ...] = ()


@dataclass(frozen=True)
class Part:
    """A part of the page as it was drawn; without ``drawn`` it rests."""

    drawn: Markup | None
    title: str | None = None
    more_url: str | None = None
    more_text: str | None = None


@dataclass(frozen=True)
class Group:
    """Search results of one kind."""

    key: str
    title: str
    hits: list[dict[str, Any]]
    all_url: str | None = None
    all_text: str | None = None
    jump: str | None = None


def _or_rest(name: str, work: Callable[[], T]) -> T | None:
    """What ``work`` gives, or None when it failed: one part must not take the page down."""
    try:
        return work()
    except Exception:
        log.exception("a part of the page rests", part=name)
        db.session.rollback()  # a failed statement would spoil those of the other parts
        return None


def waiting(actor: Actor) -> list[Waiting] | None:
    """What waits for the actor, the oldest first; None when that cannot be said now."""
    return _or_rest("home.waiting", lambda: sorted(_waiting(actor), key=lambda item: item.at))


def _waiting(actor: Actor) -> Iterable[Waiting]:
    for found in slots.fill("home.waiting", actor):
        for item in found:
            values = dict(item)
            actions = tuple(Action(**action) for action in values.pop("actions", ()))
            yield Waiting(**values, actions=actions)


def chips(actor: Actor) -> list[dict[str, Any]]:
    """The most used services; decoration, so a failure leaves it out."""
    return _or_rest("home.chips", lambda: [chip for found in slots.fill("home.chips", actor) for chip in found]) or []


def parts(slot: str, actor: Actor) -> list[Part]:
    """The parts of a column in order, each drawn on its own."""
    offered = _or_rest(slot, lambda: slots.fill(slot, actor))
    if offered is None:
        return [Part(None)]
    return [_drawn(slot, offer) for offer in offered]


def _drawn(slot: str, offer: dict[str, Any]) -> Part:
    drawn = _or_rest(slot, lambda: _draw(offer))
    return Part(drawn, offer.get("title"), offer.get("more_url"), offer.get("more_text"))


def _draw(offer: dict[str, Any]) -> Markup:
    context: dict[str, Any] = {}
    current_app.update_template_context(context)
    box = current_app.jinja_env.get_template("home/_parts/box.html").make_module(context)
    drawn: Markup = box.box(offer)  # type: ignore[attr-defined]  # a macro of the template
    return drawn


def search(actor: Actor, text: str, limit: int, now: datetime) -> tuple[list[Group], bool]:
    """Groups of hits in the order of the result page, and whether a provider failed."""
    offered = _or_rest("search", lambda: [Group(**group) for found in slots.fill("search", actor, query=text, limit=limit) for group in found])
    groups = {group.key: group for group in reversed(offered or [])}
    if "people" not in groups:
        groups["people"] = _or_rest("search.people", lambda: _people(actor, text, limit, now)) or Group("people", "", [])
    groups["pages"] = _pages(text, limit)
    known = sorted(groups.values(), key=lambda group: ORDER.index(group.key) if group.key in ORDER else len(ORDER))
    return [group for group in known if group.hits or group.jump], offered is None


def _people(actor: Actor, text: str, limit: int, now: datetime) -> Group:
    found = queries.people(actor, text, limit + 1, now)
    hits = [
        {"url": url_for("people.profile", staff_number=row.staff_number), "icon": "user", "text": row.name, "note": row.department} for row in found[:limit]
    ]
    more = url_for("people.directory", q=text) if len(found) > limit else None
    return Group("people", _("People"), hits, more, _("All of them") if more else None)


def _pages(text: str, limit: int) -> Group:
    found = queries.pages(shell.menu(), text, limit)
    return Group("pages", _("Pages"), [{"url": url, "icon": icon, "text": label, "note": None} for label, icon, url in found])
