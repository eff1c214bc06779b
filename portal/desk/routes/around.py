"""What the desk puts on other pages: menu entries, home, search, the page of a department."""

from typing import Any

from flask import Flask, current_app, g, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.desk.queries import catalogue as catalogue_read
from portal.desk.queries import home as home_read
from portal.desk.queries import mine as mine_read
from portal.desk.queries import search as search_read
from portal.desk.queries.mine import MyRequest
from portal.desk.routes._asking import reader
from portal.desk.routes.mine import counts
from portal.desk.rules import Status
from portal.kernel import clock, shell, slots
from portal.kernel.policy import Actor
from portal.kernel.shell import MenuGroup, MenuItem


def setup(_app: Flask) -> None:
    """Register what stands elsewhere."""
    slots.register("menu", "desk.mine", menu, order=20)
    slots.register("home.waiting", "desk", waiting)
    slots.register("home.main", "desk", my_open, order=20)
    slots.register("home.chips", "desk", chips)
    slots.register("department.main", "desk", services_of)
    slots.register("search", "desk", search, order=10)
    for name, endpoint in (("need", "desk.catalogue"), ("requests", "desk.mine"), ("ask", "people.directory")):
        shell.link(name, endpoint)


def menu(actor: Actor) -> MenuGroup | None:
    """My requests with how many need me, and the way to ask for something."""
    if not actor.is_person:
        return None
    waiting = counts().waiting.number or None
    mine = MenuItem("requests", _("My requests"), "inbox", url_for("desk.mine"), order=20, count=waiting, on_phone=True)
    need = MenuItem("need", _("I need"), "circle-plus", url_for("desk.catalogue"), order=30, on_phone=True)
    return MenuGroup(None, (mine, need))


# -- home ---------------------------------------------------------------------------------------------------------------


def _own(actor: Actor) -> home_read.Own:
    """The reader's own requests, read once for what waits and what is open."""
    if "desk_own" not in g:
        g.desk_own = home_read.own(actor)
    found: home_read.Own = g.desk_own
    return found


def waiting(actor: Actor) -> list[dict[str, Any]]:
    """What waits for the reader's answer, answerable in place."""
    return [_question(row) if row.awaits_answer else _wanted(row) for row in _own(actor).waiting]


def _question(row: MyRequest) -> dict[str, Any]:
    url = url_for("desk.answer", request_id=row.id)
    who = _("%(name)s in %(department)s", name=row.owner, department=row.department) if row.owner else row.department
    for_now = row.status is not Status.RESOLVED and row.relieved_at is not None
    back = {"back": "home"}
    return {
        "at": row.updated_at,
        "icon": "mood-happy",
        "tint": 4,
        "title": _("Is it enough for now? %(title)s", title=row.title) if for_now else _("Did it work? %(title)s", title=row.title),
        "text": _("%(name)s would like to know before it is closed.", name=who),
        "url": url_for("desk.request_page", request_id=row.id),
        "actions": [
            {"text": _("Not yet"), "url": url, "kind": "", "post": True, "fields": {"answer": "no", **back}},
            {"text": _("It helps") if for_now else _("It works"), "url": url, "kind": "primary", "post": True, "fields": {"answer": "yes", **back}},
        ],
    }


def _wanted(row: MyRequest) -> dict[str, Any]:
    url = url_for("desk.request_page", request_id=row.id)
    who = _("%(name)s in %(department)s", name=row.owner, department=row.department) if row.owner else row.department
    return {
        "at": row.updated_at,
        "icon": "arrow-back-up",
        "tint": 5,
        "title": _("%(name)s needs an answer from you", name=who),
        "text": _("%(title)s. The clock is paused until then.", title=row.title.rstrip(".")),
        "url": url,
        "actions": [{"text": _("Answer %(name)s", name=row.owner or row.department), "url": f"{url}#write", "kind": "", "post": False, "fields": {}}],
    }


def my_open(actor: Actor) -> dict[str, Any] | None:
    """The newest open requests, with where they stand and what was promised."""
    rows, eyes = _own(actor).newest, reader(clock.now())
    if not rows:
        return None
    return {
        "template": "desk/_parts/home_requests.html",
        "title": _("Your requests"),
        "more_url": url_for("desk.mine"),
        "more_text": _("All %(number)s", number=counts().all),
        "rows": [(row, mine_read.shown(row, eyes)) for row in rows],
    }


def chips(actor: Actor) -> list[dict[str, Any]]:
    """A few services, and the way to all of them."""
    services = catalogue_read.all_services(actor)
    found = [{"text": row.name, "url": url_for("desk.new", key=row.key), "icon": row.icon} for row in home_read.often(services)]
    return (
        [*found, {"text": ngettext("One service", "All %(num)s services", len(services)), "url": url_for("desk.catalogue"), "icon": None}] if services else []
    )


def services_of(actor: Actor, department_id: int, key: str) -> Any:
    """What a department does for others, on its page."""
    services = catalogue_read.all_services(actor, department_id)
    leads = department_id in actor.leads or actor.has("auditor")
    module: Any = current_app.jinja_env.get_template("desk/_parts/department_services.html").module
    return module.part(services, url_for("desk.of_department", key=key) if leads else None) if services or leads else None


# -- search -------------------------------------------------------------------------------------------------------------


def search(actor: Actor, query: str, limit: int) -> list[dict[str, Any]]:
    """Services that fit the words, one's own requests, and the address of a request whose number was typed."""
    return [_services(actor, query, limit), _requests(actor, query, limit)]


def _services(actor: Actor, query: str, limit: int) -> dict[str, Any]:
    found = catalogue_read.find(catalogue_read.all_services(actor), query, limit)
    hits = [{"url": url_for("desk.new", key=row.key), "icon": row.icon, "text": row.name, "note": str(row.promised)} for row in found]
    more = {"all_url": url_for("desk.catalogue", q=query), "all_text": _("All services for these words")} if hits else {}
    return {"key": "do", "title": _("Do it"), "hits": hits, **more}


def _requests(actor: Actor, query: str, limit: int) -> dict[str, Any]:
    found = search_read.find(actor, search_read.Wanted(query), limit=limit)
    number = mine_read.numbered(actor, query)
    hits = [_hit(hit) for hit in found.hits]
    if number is not None and all(hit.row.id != number for hit in found.hits):
        hits.insert(0, {"url": url_for("desk.request_page", request_id=number), "icon": "inbox", "text": _("Request %(number)s", number=number), "note": ""})
    more = {"all_url": url_for("desk.search", q=query), "all_text": _("All requests for these words")} if hits else {}
    jump = url_for("desk.request_page", request_id=number) if number is not None else None
    return {"key": "requests", "title": _("Requests"), "hits": hits[:limit], "jump": jump, **more}


def _hit(hit: search_read.Hit) -> dict[str, Any]:
    url = url_for("desk.request_page", request_id=hit.row.id)
    return {"url": url, "icon": "inbox", "lead": hit.row.id, "text": hit.row.title, "pieces": hit.title, "passage": hit.passage, "note": hit.row.department}
