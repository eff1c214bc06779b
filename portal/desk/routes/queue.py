"""The queue of a department: what next, for those who answer. Clocks and news refresh as parts; every action is a form first."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from flask import g, make_response, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from portal.desk import words
from portal.desk.actions import assigning
from portal.desk.forms.filters import NAMES, QueueFilter, chips
from portal.desk.policy import Desk, find_request
from portal.desk.queries import queue as queues
from portal.desk.routes._blueprint import bp
from portal.desk.rules import Priority, Status
from portal.kernel import clock, policy, shell, slots
from portal.kernel.errors import Conflict
from portal.kernel.paging import Count
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.kernel.web import see_other, tell

POLL = 30
"""Seconds between two looks for news."""
SKIPPED = "desk.skipped"
"""Where an action on several leaves the requests it skipped, for the next look at the queue."""


def setup() -> None:
    """Offer a menu group for each department served."""
    slots.register("menu", "desk.serving", _menu, order=50)


def served() -> list[queues.Served]:
    """The departments the reader serves, asked for once per request."""
    if "served" not in g:
        g.served = queues.served(policy.current())
    return list(g.served)


def find_queue(key: str) -> queues.Served:
    """The queue named in the address, if the reader works on it."""
    return queues.find_queue(policy.current(), key, served())


def _menu(_actor: Actor) -> list[MenuGroup]:
    return [MenuGroup(d.name, _entries(d, hot=place == 0), order=20) for place, d in enumerate(served())]


def _entries(department: queues.Served, *, hot: bool) -> tuple[MenuItem, ...]:
    key = department.key
    items = [
        MenuItem(f"queue-{key}", _("Queue"), "list-check", url_for("desk.queue", key=key), 10, _shown(department.needs), hot),
        MenuItem(f"follow-ups-{key}", _("Follow-ups"), "message-check", url_for("desk.follow_ups", key=key), 20, _shown(department.follow_ups)),
        MenuItem(f"services-{key}", _("Services and promises"), "clock-check", url_for("desk.services", key=key), 30),
        MenuItem(f"replies-{key}", _("Reply library"), "blockquote", url_for("desk.replies", key=key), 40),
        MenuItem(f"figures-{key}", _("Figures"), "chart-bar", url_for("desk.figures", key=key), 50),
    ]
    return tuple(items)


def _shown(count: Count) -> Any:
    return str(count) if count else None


@bp.get("/queue")
@policy.allow(Desk.QUEUE)
def first_queue() -> BaseResponse | str:
    """The queue of the first department one serves; a few words where that answers no requests."""
    known = served()
    if not known:
        return render_template("desk/no_queue.html")
    return see_other("desk.queue", key=known[0].key)


@bp.get("/queue/<key>")
@policy.allow(Desk.QUEUE)
def queue(key: str) -> str:
    """What next: open requests by least working time left."""
    department, form = find_queue(key), QueueFilter.from_address()
    return render_template("desk/queue.html", department=department, form=form, **_context(department, form, clock.now()))


def _context(department: queues.Served, form: QueueFilter, now: datetime) -> dict[str, Any]:
    """Everything around and in the table; two statements, and one more on an empty queue."""
    actor, wanted = policy.current(), form.wanted()
    today = now.astimezone(shell.reader_zone()).date()
    day_ends = shell.end_of_day(today, actor.zone)
    around = queues.around(actor, department.id, now=now, day_ends=day_ends, today=today)
    first = max(1, min(request.args.get("first", 1, int), 10**7))
    found = queues.rows(actor, department.id, wanted, day_ends=day_ends, cursor=request.args.get("at"), first=first)
    quiet = not found.page.items and not form.held() and wanted.view == "next"
    return {
        "around": around,
        "found": found,
        "lines": shown_rows(found.page.items, words.Reader(now, actor.zone, actor.locale)),
        "filters": list(chips(form, _words(around))),
        "tabs": _tabs(department.key, form, around.counts),
        "last_answer": queues.last_answered(actor, department.id) if quiet else None,
        "ways": _links(department.key, form, found),
        "poll": POLL,
        "skipped": session.pop(SKIPPED, None),
    }


def shown_rows(items: Sequence[queues.QueueRow], reader: words.Reader) -> list[dict[str, Any]]:
    """Rows with status and clock in words."""
    return [{"row": row, "status": queues.status_of(row), "clock": queues.clock_of(row, reader)} for row in items]


def _tabs(key: str, form: QueueFilter, counts: dict[str, Count]) -> list[dict[str, Any]]:
    names = {
        "next": _("What next"),
        "answer": _("Needs an answer"),
        "today": _("Due today"),
        "mine": _("Mine"),
        "waiting": _("Waiting for others"),
        "follow-up": _("Follow up"),
        "unassigned": _("Unassigned"),
    }
    current, held = form.wanted().view, form.held()
    return [
        {
            "text": text,
            "url": _address(key, ({} if view == "next" else {"view": view}) | held),
            "count": counts[view],
            "current": view == current,
            "key": str(place),
        }
        for place, (view, text) in enumerate(names.items(), 1)
    ]


def _words(around: queues.Around) -> dict[str, dict[str, str]]:
    return {
        "service": {str(c.id): c.name for c in around.services},
        "site": {str(c.id): c.name for c in around.sites},
        "assignee": {str(c.id): c.name for c in around.people} | {"nobody": _("nobody yet")},
        "notices": {"yes": _("yes"), "no": _("no")},
        "status": status_words(),
        "priority": priority_words(),
    }


def status_words() -> dict[str, str]:
    """The states one can filter by, in words."""
    return {
        Status.NEW.value: _("new"),
        Status.WORKING.value: _("working on it"),
        Status.PLANNED.value: _("planned"),
        "waiting": _("waiting"),
        Status.RESOLVED.value: _("did it work?"),
        Status.CLOSED.value: _("closed"),
        Status.CANCELLED.value: _("no longer needed"),
        Status.WAITING_REQUESTER.value: _("waiting for the requester"),
        Status.WAITING_OTHER.value: _("waiting for others"),
    }


def priority_words() -> dict[str, str]:
    """The priorities, as short as a filter needs them."""
    return {
        Priority.URGENT.value: _("work has stopped"),
        Priority.HIGH.value: _("high"),
        Priority.NORMAL.value: _("normal"),
        Priority.LOW.value: _("low"),
    }


def _links(key: str, form: QueueFilter, found: queues.QueuePage) -> dict[str, Any]:
    here = form.address()

    def to(cursor: str | None, first: int) -> str | None:
        return _address(key, {"at": cursor, "first": str(max(1, first)), **here}) if cursor else None

    def without(name: str) -> str:
        return _address(key, {k: v for k, v in here.items() if k != name})

    return {
        "next": to(found.page.next, found.last + 1),
        "previous": to(found.page.previous, found.first - queues.PAGE),
        "without": {name: without(name) for name in form.held()},
        "keep": {name: [(k, v) for k, v in here.items() if k != name] for name in NAMES},
        "back": request.query_string.decode("utf-8", "replace")[:1000],
        "plain": url_for("desk.queue", key=key),
        "news": url_for("desk.queue_news", key=key),
        "clocks": url_for("desk.queue_clocks", key=key),
    }


def _address(key: str, held: Mapping[str, Any]) -> str:
    return url_for("desk.queue", key=key, _external=False, **held)


KEPT = frozenset({*NAMES, "view", "at", "first"})


def back_to_queue(key: str) -> BaseResponse:
    """303 to the part of the queue a form was sent from."""
    pairs = parse_qsl(request.form.get("back", "")[:1000])
    return see_other("desk.queue", key=key, **{name: value for name, value in pairs if name in KEPT})


@bp.get("/queue/<key>/news")
@policy.allow(Desk.QUEUE)
def queue_news(key: str) -> BaseResponse:
    """What came in since the page was made: nothing (304), or one quiet line that offers to show it."""
    department = find_queue(key)
    since = min(max(request.args.get("since", 0, int), 0), 2**31 - 1)
    news = queues.news(policy.current(), department.id, since)
    answer = make_response(render_template("desk/_queue/news.html", department=department, news=news))
    answer.headers["Cache-Control"] = "private, no-cache"
    answer.set_etag(news.mark)
    answer.vary.add("HX-Request")
    return answer.make_conditional(request)


@bp.get("/queue/<key>/clocks")
@policy.allow(Desk.QUEUE)
def queue_clocks(key: str) -> str:
    """The clocks of the rows on a page, again, as one part."""
    actor, now, department = policy.current(), clock.now(), find_queue(key)
    ids = [int(number) for number in request.args.get("ids", "").split(",")[: 2 * queues.PAGE] if number.isascii() and number.isdigit() and len(number) < 10]
    found = queues.some(actor, department.id, ids)
    return render_template("desk/_queue/clocks.html", lines=shown_rows(found, words.Reader(now, actor.zone, actor.locale)))


@bp.post("/queue/<key>/take/<int:request_id>")
@policy.allow(Desk.WORK)
def take(key: str, request_id: int) -> BaseResponse:
    """Take a request from the list; whoever is second reads who was first."""
    actor = policy.current()
    row = find_request(actor, request_id, to=Desk.WORK)
    try:
        assigning.claim(row, actor=actor, now=clock.now())
    except Conflict as lost:
        lost.link = url_for("desk.request_page", request_id=request_id)
        raise
    tell(_("%(number)s is yours.", number=request_id))
    return back_to_queue(key)
