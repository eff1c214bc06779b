"""The start page put together from what the features offer; a part that fails rests, and the rest works.

What a provider returns (plain values, so that no feature imports this one):

``home.waiting``  a list of dicts: at, icon, tint, title, text, url, actions = dicts of text, url, kind, post, fields
``home.main``, ``home.side``  a dict: template, optionally title, more_url, more_text, and whatever the template reads from ``part``
``home.chips``    a list of dicts: text, url, icon
``search``        called with query and limit: a list of dicts: key, title, hits = dicts of url, icon, text, note and optionally lead, pieces,
                  passage (see ``kernel.search``); all_url, all_text, jump
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from flask import current_app
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


def _each(slot: str, work: Callable[[slots.Provider], list[T]]) -> tuple[list[T], bool]:
    """What ``work`` makes of each provider of a slot, in order, and whether one of them failed."""
    made = [_or_rest(f"{slot} {name}", partial(work, provider)) for name, provider in slots.offers(slot)]
    return [thing for things in made if things is not None for thing in things], None in made


def waiting(actor: Actor) -> tuple[list[Waiting], bool]:
    """What waits for the actor, the oldest first, and whether some of it cannot be said now."""
    found, resting = _each("home.waiting", lambda provider: [_waiting(item) for item in provider(actor) or ()])
    return sorted(found, key=lambda item: item.at), resting


def _waiting(item: dict[str, Any]) -> Waiting:
    actions = tuple(Action(**action) for action in item.get("actions", ()))
    return Waiting(**{**item, "actions": actions})


def chips(actor: Actor) -> list[dict[str, Any]]:
    """The most used services; decoration, so a failure leaves it out."""
    return _each("home.chips", lambda provider: list(provider(actor) or ()))[0]


def parts(slot: str, actor: Actor) -> list[Part]:
    """The parts of a column in order, each asked for and drawn on its own."""
    return [part for name, provider in slots.offers(slot) if (part := _part(f"{slot} {name}", provider, actor)) is not None]


def _part(name: str, provider: slots.Provider, actor: Actor) -> Part | None:
    offers = _or_rest(name, lambda: [provider(actor)])
    if offers is None:
        return Part(None)
    offer = offers[0]
    if offer is None:
        return None
    return Part(_or_rest(name, lambda: _draw(offer)), offer.get("title"), offer.get("more_url"), offer.get("more_text"))


def _draw(offer: dict[str, Any]) -> Markup:
    context: dict[str, Any] = {}
    current_app.update_template_context(context)
    box = current_app.jinja_env.get_template("home/_parts/box.html").make_module(context)
    drawn: Markup = box.box(offer)  # type: ignore[attr-defined]  # a macro of the template
    return drawn


def search(actor: Actor, text: str, limit: int) -> tuple[list[Group], bool]:
    """Groups of hits in the order of the result page, and whether a provider failed."""
    found, resting = _each("search", lambda provider: [Group(**group) for group in provider(actor, query=text, limit=limit) or ()])
    known = sorted([*found, _pages(text, limit)], key=lambda group: ORDER.index(group.key) if group.key in ORDER else len(ORDER))
    return [group for group in known if group.hits or group.jump], resting


def _pages(text: str, limit: int) -> Group:
    found = queries.pages(shell.menu(), text, limit)
    return Group("pages", _("Pages"), [{"url": url, "icon": icon, "text": label, "note": None} for label, icon, url in found])
