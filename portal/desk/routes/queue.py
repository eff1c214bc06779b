"""The queue of a department: what next, for those who answer. Clocks and news refresh as parts; every action is a form first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from flask import g, make_response, render_template, request, session, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from portal.desk import words
from portal.desk.actions import assigning
from portal.desk.forms.filters import DRAWER, chips
from portal.desk.policy import Desk, find_request
from portal.desk.queries import queue as queues
from portal.desk.queries import queue_around as arounds
from portal.desk.queries import views as saved_views
from portal.desk.queries.queue_conditions import Times, matching
from portal.desk.queries.views import View
from portal.desk.routes import _queue_words as in_words
from portal.desk.routes._asked import KEPT, Asked, asked, filled
from portal.desk.routes._blueprint import bp
from portal.desk.routes._undoing import offer
from portal.kernel import clock, policy, slots
from portal.kernel.errors import Conflict
from portal.kernel.paging import Count
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem
from portal.kernel.web import is_fragment, see_other, tell

POLL = 30
"""Seconds between two looks for news."""
SKIPPED = "desk.skipped"
"""Where an action on several leaves the requests it skipped, for the next look at the queue."""

priority_words, status_words = in_words.priority_words, in_words.status_words


def setup() -> None:
    """Offer a menu group for each department served."""
    slots.register("menu", "desk.serving", _menu, order=50)


def served() -> list[arounds.Served]:
    """The departments the reader serves, asked for once per request."""
    if "served" not in g:
        g.served = arounds.served(policy.current())
    return list(g.served)


def find_queue(key: str) -> arounds.Served:
    """The queue named in the address, if the reader works on it."""
    return arounds.find_queue(policy.current(), key, served())


def queue_and_views(key: str) -> tuple[arounds.Served, list[View]]:
    """The same with its saved views; what the menu needs comes with them in one statement."""
    g.served, found = saved_views.with_queues(policy.current(), key)
    return find_queue(key), found


def _menu(_actor: Actor) -> list[MenuGroup]:
    return [MenuGroup(d.name, _entries(d, hot=place == 0), order=20) for place, d in enumerate(served())]


def _entries(department: arounds.Served, *, hot: bool) -> tuple[MenuItem, ...]:
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
def queue(key: str) -> BaseResponse | str:
    """What next: open requests by least working time left; or the view somebody's queue opens with."""
    department, views = queue_and_views(key)
    if (clean := filled(request.args)) is not None:
        return see_other("desk.queue", key=key, **(clean or {"view": "next"}))
    wanted = asked(key, views)
    if not request.args and wanted.default is not None:
        return see_other("desk.queue", key=key, saved=wanted.default.id)
    return render_template("desk/queue.html", department=department, **_context(department, wanted, clock.now()))


def _context(department: arounds.Served, look: Asked, now: datetime) -> dict[str, Any]:
    """Everything around and in the table; two statements, one more on an empty queue, and up to three with words."""
    actor, form = policy.current(), look.form
    wanted, times = form.wanted(actor.person_id), Times.of(now, actor.zone)
    matched = matching(wanted, actor, department.id, times)
    narrowed = wanted if form.held() or look.saved else None
    around = arounds.around(actor, department.id, times=times, today=in_words.today(now), wanted=narrowed, matched=matched)
    filters = list(chips(form, in_words.of_filters(around, form)))
    gone = [chip for chip in filters if chip.gone] if look.saved else []
    found = queues.rows(actor, department.id, wanted, times=times, cursor=request.args.get("at"), first=_first(), matched=matched)
    found = queues.NOTHING if gone else found
    quiet = not found.page.items and narrowed is None and wanted.view == "next"
    return {
        "asked": look,
        "form": form,
        "wanted": wanted,
        "around": around,
        "count": None if gone else around.here or around.counts[wanted.view],
        "found": found,
        "lines": shown_rows(found.page.items, words.Reader(now, actor.zone, actor.locale)),
        "filters": filters,
        "gone": gone,
        "tabs": in_words.tabs(look, around.counts),
        "orders": in_words.orders(look, wanted),
        "last_answer": arounds.last_answered(actor, department.id) if quiet else None,
        "ways": _links(look, found),
        "poll": POLL,
        "skipped": session.pop(SKIPPED, None),
        "undo": offer(department.key, now),
    }


def _first() -> int:
    return max(1, min(request.args.get("first", 1, int), 10**7))


def shown_rows(items: Sequence[queues.QueueRow], reader: words.Reader) -> list[dict[str, Any]]:
    """Rows with status, clock and the end of a rest in words."""
    return [
        {
            "row": row,
            "status": queues.status_of(row),
            "clock": queues.clock_of(row, reader),
            "rests": reader.when(row.snoozed_until) if row.snoozed_until else "",
        }
        for row in items
    ]


def _links(look: Asked, found: queues.QueuePage) -> dict[str, Any]:
    def to(cursor: str | None, first: int) -> str | None:
        return look.url(at=cursor, first=str(max(1, first)), **look.as_it_is) if cursor else None

    return {
        "next": to(found.page.next, found.last + 1),
        "previous": to(found.page.previous, found.first - queues.PAGE),
        "without": {name: look.without(name) for name in look.form.held()},
        "back": request.query_string.decode("utf-8", "replace")[:1000],
        "plain": look.url(),
        "form": url_for("desk.queue", key=look.key),
        "news": url_for("desk.queue_news", key=look.key),
        "clocks": url_for("desk.queue_clocks", key=look.key),
    }


def back_to_queue(key: str) -> BaseResponse:
    """303 to the part of the queue a form was sent from."""
    return see_other("desk.queue", key=key, **came_from())


def came_from() -> dict[str, str]:
    """The part of the queue a form was sent from, as the names and values of its address."""
    pairs = parse_qsl(request.form.get("back", "")[:1000])
    return {name: value for name, value in pairs if name in KEPT}


@bp.get("/queue/<key>/filters")
@policy.allow(Desk.QUEUE)
def queue_filters(key: str) -> str:
    """The filters that are needed now and then: a part under the others, or a page where no script runs."""
    (department, views), actor, now = queue_and_views(key), policy.current(), clock.now()
    look = asked(key, views)
    around = arounds.around(actor, department.id, times=Times.of(now, actor.zone), today=in_words.today(now))
    said = {"priority": in_words.priority_words(), "due": in_words.due_words()}
    page = "desk/_queue/drawer.html" if is_fragment() else "desk/filters.html"
    return render_template(page, department=department, asked=look, form=look.form, around=around, names=DRAWER, words=said)


@bp.get("/queue/<key>/news")
@policy.allow(Desk.QUEUE)
def queue_news(key: str) -> BaseResponse:
    """What came in since the page was made: nothing (304), or one quiet line that offers to show it."""
    department = find_queue(key)
    since = min(max(request.args.get("since", 0, int), 0), 2**31 - 1)
    news = arounds.news(policy.current(), department.id, since)
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
