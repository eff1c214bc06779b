"""The start page, and the one search field everywhere."""

from datetime import datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton
from flask import Flask, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.home import assembly, rules
from portal.home.policy import Home
from portal.kernel import clock, policy, security, shell, slots
from portal.kernel.forms import clean_line
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.kernel.web import Blueprint, is_fragment
from portal.people import actors

bp = Blueprint("home", __name__)
IN_OVERLAY, ON_PAGE = 3, 10
"""Hits per group."""


@bp.get("/")
@policy.allow(Home.READ)
def index() -> str:
    """Know in ten seconds what waits for me."""
    actor, now = policy.current(), clock.now()
    local, card, (waiting, resting) = now.astimezone(ZoneInfo(actor.zone)), actors.card(), assembly.waiting(actor)
    return render_template(
        "home/index.html",
        date_line=_date_line(local),
        greeting=rules.greeting(local.time(), card.first_name if card else actor.name),
        waiting_words=None if resting else rules.waiting_words(len(waiting)),
        waiting=waiting,
        resting=resting,
        shown=assembly.SHOWN,
        chips=assembly.chips(actor),
        main=assembly.parts("home.main", actor),
        aside=assembly.parts("home.side", actor),
        is_new=rules.is_new(card.start_date if card else None, local.date()),
    )


def _date_line(local: datetime) -> str:
    locale = get_locale()
    if locale is None or locale.language == "en":
        return str(format_date(local, "EEEE d MMMM", locale="en"))
    return str(format_skeleton("MMMMEEEEd", local, locale=locale))


@bp.get("/search")
@policy.allow(Home.READ)
def search() -> str | Response:
    """Services, requests, people and pages by words; a request number leads there at once."""
    text = clean_line(request.args.get("q", ""))[:200]
    if not text:
        return render_template("_layout/_actions.html" if is_fragment() else "home/search.html", text="", groups=[], resting=False)
    groups, resting = assembly.search(policy.current(), text, IN_OVERLAY if is_fragment() else ON_PAGE)
    jump = next((group.jump for group in groups if group.jump), None)
    if jump and not is_fragment():
        return redirect(security.local_path(jump, url_for("home.index")), 303)
    return render_template("home/_parts/results.html" if is_fragment() else "home/search.html", text=text, groups=groups, resting=resting)


def _entry(_actor: Actor) -> MenuGroup:
    return MenuGroup(None, (MenuItem("home", _("Home"), "home", url_for("home.index"), order=10, on_phone=True),))


def setup(app: Flask) -> None:
    """Register the pages and tell the layout where home and search are."""
    app.register_blueprint(bp)
    shell.link("home", "home.index")
    shell.link("search", "home.search")
    # By words and not by key: a company may have renamed or retired the service for questions.
    shell.link("broken_link", "desk.catalogue", q="question")
    slots.register("menu", "home", _entry)
