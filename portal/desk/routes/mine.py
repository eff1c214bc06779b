"""Lists of the requester's side: my requests, and those of my department."""

from typing import Any

from flask import g, render_template, request, url_for
from flask_babel import gettext as _

from portal.desk.forms.conversation import ListFilter
from portal.desk.policy import Desk
from portal.desk.queries import mine as mine_read
from portal.desk.routes._asking import reader
from portal.desk.routes._blueprint import bp
from portal.kernel import clock, policy
from portal.kernel.errors import Forbidden
from portal.kernel.messages import say
from portal.kernel.paging import Page
from portal.people.models import Department
from portal.people.policy import find_department

TABS = (mine_read.OPEN_TAB, mine_read.WAITING, mine_read.DONE_TAB, mine_read.FOLLOWED)


def counts() -> mine_read.Counts:
    """How many requests wait for the reader, read once for menu, tabs and home."""
    if "desk_counts" not in g:
        g.desk_counts = mine_read.counts(policy.current())
    found: mine_read.Counts = g.desk_counts
    return found


@bp.get("/requests")
@policy.allow(Desk.READ)
def mine() -> str:
    """What I asked for, by how it stands."""
    actor, (tab, text) = policy.current(), asked()
    page = mine_read.my_requests(actor, tab, text=text, cursor=request.args.get("at"))
    return render_template(
        "desk/mine.html", page=page, tab=tab, text=text, tabs=_tabs(tab), counts=counts(), rows=_shown(page), **_links("desk.mine", show=tab)
    )


def asked() -> tuple[str, str]:
    """Tab and search words of the address."""
    form = ListFilter.from_address()
    return (form.show.data if form.show.data in TABS else mine_read.OPEN_TAB), str(form.q.data or "")[:200]


def _tabs(current: str) -> list[dict[str, Any]]:
    found = counts()
    texts = [(_("Open"), str(found.open)), (_("Waiting for me"), str(found.waiting)), (_("Done"), None), (_("I follow"), None)]
    return [
        {"text": text, "count": number, "current": tab == current, "url": url_for("desk.mine", show=None if tab == TABS[0] else tab)}
        for tab, (text, number) in zip(TABS, texts, strict=True)
    ]


def _shown(page: Page[mine_read.MyRequest]) -> list[tuple[mine_read.MyRequest, mine_read.Shown]]:
    eyes = reader(clock.now())
    return [(row, mine_read.shown(row, eyes)) for row in page.items]


def _links(endpoint: str, **values: Any) -> dict[str, Any]:
    text = request.args.get("q") or None
    return {"here": lambda at: url_for(endpoint, at=at, q=text, **values), "keep": [(name, value) for name, value in values.items() if name == "show"]}


@bp.get("/departments/<key>/requests")
@policy.allow(Desk.READ)
def of_department(key: str) -> str:
    """What the people of a department asked for, for its lead and for auditors."""
    actor, department, (_tab, text) = policy.current(), followed_department(key), asked()
    page = mine_read.requests_of(actor, department.id, text=text, cursor=request.args.get("at"))
    return render_template("desk/department.html", page=page, department=department, text=text, rows=_shown(page), **_links("desk.of_department", key=key))


def followed_department(key: str) -> Department:
    """The department whose requests the reader may list: its lead, and auditors; Forbidden for others."""
    actor = policy.current()
    department = find_department(actor, key)
    if department.id not in actor.leads and not actor.has("auditor"):
        raise Forbidden(say("The requests of a whole department are for its lead. Your own are under My requests."))
    return department
