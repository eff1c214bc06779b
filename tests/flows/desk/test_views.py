"""Views of a queue: Jonas keeps what he looks at every morning, shares it, and everybody sees the right rows or is told why not."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from portal.desk.actions import views as saving
from portal.desk.models import QueueDefault, SavedView, Service
from portal.kernel.activity import Activity
from portal.kernel.db import db
from portal.kernel.unit_of_work import unit_of_work
from portal.people.models import Department, Fulfiller
from tests.support.story import STORY

pytestmark = pytest.mark.postgres
QUEUE = "/queue/facilities"


def shown(page: Any) -> set[str]:
    """Numbers of the rows."""
    return set(re.findall(r'name="id"\s+value="(\d+)"', page.source))


@dataclass(frozen=True)
class Keeper:
    """Saves views straight away and looks at them; every look in a context of its own, so that visitors never share one."""

    app: Flask
    world: Any

    def keep(self, who: str = "jonas", name: str = "Late", *, shared: bool = False, **filters: str) -> int:
        """A view of the queue of Facilities; its number."""
        with self.app.app_context(), unit_of_work():
            filters = filters or {"view": "next", "due": "late"}
            return saving.keep(self.world.facilities.id, name, filters, shared=shared, actor=self.world.actor(who), now=STORY).id

    def all(self, query: Any) -> list[Any]:
        """What a query finds now."""
        with self.app.app_context():
            return list(db.session.execute(query).all())

    def do(self, statement: Any) -> None:
        """Change something behind everybody's back."""
        with self.app.app_context(), unit_of_work():
            db.session.execute(statement)


@pytest.fixture
def keeper(app: Flask, world: Any) -> Keeper:
    """Views of the story."""
    return Keeper(app, world)


def token(visitor: Any) -> str:
    """What a forged form would need."""
    return str(next(form.values["csrf_token"] for form in visitor.get("/requests").forms if "csrf_token" in form.values)[0])


def test_jonas_keeps_what_he_sees_and_opens_it_again(world: Any, sign_in: Any, query_count: Any) -> None:
    """Filter, save, find it in the menu; its address alone shows the same rows, in eight statements."""
    jonas, cold = sign_in(world.jonas), str(world.requests["cold"])
    form = jonas.get(f"{QUEUE}?due=late&sort=newest").follow("Save this view")
    assert "late" in form
    page = form.submit("/views", name="  Late   ones ")
    assert "Kept as “Late ones”." in page
    assert shown(page) == {cold}
    assert "saved=" in page.address
    assert "due" not in page.address
    jonas.get(page.address)
    with query_count() as statements:
        again = jonas.get(page.address)
    assert statements.count <= 8, statements
    assert shown(again) == {cold}
    assert len(again.source.encode()) <= 60_000
    assert again.link("Late ones").href == page.address
    assert "Save this view" not in again


def test_a_changed_view_says_so_and_can_be_kept_or_saved_anew(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """A filter on top stands in the address with the view it comes from; one's own takes the change, or becomes a second one."""
    number, jonas = keeper.keep(), sign_in(world.jonas)
    page = jonas.get(f"{QUEUE}?saved={number}")
    changed = page.visitor.submit(page, next(f for f in page.forms if "status" in f.names), status="working")
    assert {f"saved={number}", "due=late", "status=working", "view=next"} <= set(changed.address.split("?")[1].split("&"))
    assert "Save this view" in changed
    after = changed.submit("/filters")
    assert "“Late” shows this from now on." in after
    assert keeper.all(sa.select(SavedView.filters)) == [({"view": "next", "due": "late", "status": "working"},)]
    cleared = after.visitor.get(after.links[[link.href for link in after.links].index(_clear(after, "status"))].href)
    assert f"saved={number}" in cleared.address
    assert "status" not in cleared.address


def _clear(page: Any, name: str) -> str:
    return next(link.href for link in page.links if "saved=" in link.href and f"{name}=" not in link.href and "due=late" in link.href)


def test_shared_views_are_for_everybody_there_and_changed_by_maker_and_lead(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """Kim opens Jonas's and cannot change it; Priya leads and can. A personal one is not there for others, whatever they guess."""
    shared, own = keeper.keep(name="Morning round", shared=True), keeper.keep(name="Mine only")
    kim, priya = sign_in(world.kim), sign_in(world.priya)
    assert kim.get(QUEUE).link("Morning round").href == f"{QUEUE}?saved={shared}"
    assert "Mine only" not in kim.get(QUEUE)
    assert kim.get(f"{QUEUE}?saved={own}").status == 404
    assert kim.get(f"{QUEUE}/views/{own}").status == 404
    assert kim.get(f"{QUEUE}/views/{shared}").status == 403
    refused = kim.post(f"{QUEUE}/views/{shared}", {"csrf_token": token(kim), "name": "Kim's", "version": "1"})
    assert refused.status == 403
    form = priya.get(f"{QUEUE}/views").follow("Change")
    assert form.form("name").values["name"] == ["Morning round"]
    assert "“Round at eight” is changed." in form.submit("name", name="Round at eight", shared="y")
    found = sa.select(SavedView.name, SavedView.owner_id, SavedView.is_shared).where(SavedView.id == shared)
    assert keeper.all(found) == [("Round at eight", world.jonas.id, True)]


@pytest.mark.parametrize("who", ["mara", "ruth", "ada"])
def test_views_of_a_queue_are_for_those_who_serve_it(world: Any, sign_in: Any, keeper: Keeper, who: str) -> None:
    """Everybody else is refused at the queue's door, for reading and for changing; nothing is kept."""
    number, visitor = keeper.keep(shared=True), sign_in(world.people[who])
    for path in (f"{QUEUE}?saved={number}", f"{QUEUE}/views", f"{QUEUE}/views/new", f"{QUEUE}/views/{number}", f"{QUEUE}/filters"):
        assert visitor.get(path).status == 403, path
    data = {"csrf_token": token(visitor), "name": "Forged", "opens": "yes", "version": "1"}
    for way in ("", f"/{number}", f"/{number}/filters", f"/{number}/move", f"/{number}/open", f"/{number}/remove"):
        assert visitor.post(f"{QUEUE}/views{way}", data).status == 403, way
    assert keeper.all(sa.select(SavedView.name)) == [("Late",)]


def test_a_view_of_another_queue_is_not_here(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """Its number under another queue's address is nothing, also for who serves both."""
    number = keeper.keep(shared=True)
    it = sa.select(Department.id).where(Department.key == "it").scalar_subquery()
    keeper.do(sa.insert(Fulfiller).values(department_id=it, person_id=world.jonas.id, on_duty=False, since=STORY))
    jonas = sign_in(world.jonas)
    assert jonas.get(f"{QUEUE}?saved={number}").status == 200
    assert jonas.get(f"/queue/it?saved={number}").status == 404
    assert jonas.get(f"/queue/it/views/{number}").status == 404
    for strange in ("0", "999999", "99999999999999999999", "abc", "-1", "1%27"):
        assert jonas.get(f"{QUEUE}?saved={strange}").status == 404, strange


def test_names_are_unique_for_each_maker_whatever_their_case(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """A second "late" is refused beside the name, with what was typed; Kim may have one, too."""
    keeper.keep()
    page = sign_in(world.jonas).get(f"{QUEUE}?status=new").follow("Save this view").submit("/views", name="LATE")
    assert page.status == 422
    assert "There is a view of this name already." in page
    assert page.form("/views").values["name"] == ["LATE"]
    assert page.submit("/views", name="New ones").status == 200
    keeper.keep("kim")
    for bad in ("", "   ", "x" * 61):
        again = sign_in(world.jonas).get(f"{QUEUE}/views/new").submit("/views", name=bad)
        assert again.status == 422, bad


def test_thirty_views_are_the_most(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """The thirty-first is refused with a sentence; removing one makes room."""
    numbers = [keeper.keep(name=f"View {place}") for place in range(saving.MOST)]
    jonas = sign_in(world.jonas)
    page = jonas.get(f"{QUEUE}/views/new").submit("/views", name="One more")
    assert page.status == 422
    assert "30 views are the most one person keeps." in page
    jonas.get(f"{QUEUE}/views/{numbers[0]}").submit("/remove")
    assert jonas.get(f"{QUEUE}/views/new").submit("/views", name="One more").status == 200


def test_the_queue_opens_with_the_view_somebody_chose(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """For them alone, until they choose what next again; the tab of what next is still there."""
    number, jonas = keeper.keep(shared=True), sign_in(world.jonas)
    jonas.get(f"{QUEUE}/views").submit(f"/views/{number}/open")
    assert jonas.get(QUEUE).address == f"{QUEUE}?saved={number}"
    assert jonas.get(QUEUE).link("What next").href == f"{QUEUE}?view=next"
    assert shown(jonas.get(f"{QUEUE}?view=next")) > {str(world.requests["cold"])}
    assert sign_in(world.kim).get(QUEUE).address == QUEUE
    jonas.get(f"{QUEUE}/views").submit(f"/views/{number}/open")
    assert jonas.get(QUEUE).address == QUEUE


def test_who_opened_with_a_view_that_goes_away_begins_with_what_next(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """Removed, or no longer shared."""
    numbers = [keeper.keep(name=name, shared=True) for name in ("One", "Two")]
    kim, jonas = sign_in(world.kim), sign_in(world.jonas)
    kim.get(f"{QUEUE}/views").submit(f"/views/{numbers[0]}/open")
    jonas.get(f"{QUEUE}/views/{numbers[0]}").submit("/remove")
    assert kim.get(QUEUE).address == QUEUE
    assert kim.get(f"{QUEUE}?saved={numbers[0]}").status == 404
    kim.get(f"{QUEUE}/views").submit(f"/views/{numbers[1]}/open")
    jonas.get(f"{QUEUE}/views/{numbers[1]}").submit("name", shared="")
    assert kim.get(QUEUE).address == QUEUE
    assert keeper.all(sa.select(QueueDefault.person_id)) == []


def test_views_stand_in_the_order_people_gave_them(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """Up and down among their own kind; at the ends there is nowhere to go."""
    for name in ("One", "Two", "Three"):
        keeper.keep(name=name)
    jonas = sign_in(world.jonas)
    three = next(link.href for link in jonas.get(QUEUE).links if link.text == "Three").split("=")[1]
    page = jonas.get(f"{QUEUE}/views")
    page = page.visitor.submit(page, next(f for f in page.forms if f.action.endswith(f"/{three}/move") and f.values["to"] == ["up"]))
    order = [link.text for link in jonas.get(QUEUE).links if link.text in ("One", "Two", "Three")]
    assert order == ["One", "Three", "Two"]
    page = page.visitor.submit(page, next(f for f in page.forms if f.action.endswith(f"/{three}/move") and f.values["to"] == ["up"]))
    assert not [f for f in page.forms if f.action.endswith(f"/{three}/move") and f.values["to"] == ["up"]]
    assert jonas.post(f"{QUEUE}/views/{three}/move", {"csrf_token": token(jonas), "to": "up"}).status == 200
    assert [link.text for link in jonas.get(QUEUE).links if link.text in ("One", "Two", "Three")] == ["Three", "One", "Two"]


@pytest.mark.parametrize(("filters", "what"), [({"service": "99999"}, "Service"), ({"of": "99999"}, "From department"), ({"assignee": "99999"}, "Has it")])
def test_a_view_of_something_that_is_gone_says_so(world: Any, sign_in: Any, keeper: Keeper, filters: dict[str, str], what: str) -> None:
    """A service, a department or a person that is not there: words and a way out, and not a single row."""
    number = keeper.keep(view="next", **filters)
    page = sign_in(world.jonas).get(f"{QUEUE}?saved={number}")
    assert page.status == 200
    assert "“Late” asks for something that is no longer here." in page
    assert shown(page) == set()
    mended = page.follow(f"Show it without: {what}")
    assert len(shown(mended)) == 6
    assert "no longer there" in page.visitor.get(f"{QUEUE}/views")


def test_a_retired_service_is_gone_for_a_view_and_a_filter_still_reads_it(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """The lead retires a service: the view says so; with the filter in the address one still sees what is left of it."""
    number = keeper.keep(view="next", service=str(world.services["repair"]))
    keeper.do(sa.update(Service).where(Service.id == world.services["repair"]).values(is_active=False))
    jonas = sign_in(world.jonas)
    assert "asks for something that is no longer here" in jonas.get(f"{QUEUE}?saved={number}")
    assert shown(jonas.get(f"{QUEUE}?service={world.services['repair']}"))


def test_shared_changes_are_recorded_and_personal_ones_are_not(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """Made, changed, removed: one row each."""
    keeper.keep(name="Mine only")
    number, jonas = keeper.keep(name="Round", shared=True), sign_in(world.jonas)
    jonas.get(f"{QUEUE}/views/{number}").submit("name", name="Round two")
    jonas.get(f"{QUEUE}/views/{number}").submit("/remove")
    found = keeper.all(sa.select(Activity.data).where(Activity.event == "desk.view.shared").order_by(Activity.id))
    assert [(data["what"], data["name"]) for (data,) in found] == [("made", "Round"), ("changed", "Round two"), ("removed", "Round two")]


def test_whoever_looks_is_meant_by_a_shared_view(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """One filter shows everybody their own."""
    number = keeper.keep(name="My own", shared=True, view="next", assignee="me")
    assert shown(sign_in(world.jonas).get(f"{QUEUE}?saved={number}")) == {str(world.requests[key]) for key in ("heating", "cold")}
    assert shown(sign_in(world.kim).get(f"{QUEUE}?saved={number}")) != shown(sign_in(world.jonas).get(f"{QUEUE}?saved={number}"))


def test_an_action_from_a_view_leads_back_to_it(world: Any, sign_in: Any, keeper: Keeper) -> None:
    """Taking, acting on several: the view is where one was."""
    number, jonas = keeper.keep(view="unassigned"), sign_in(world.jonas)
    page = jonas.get(f"{QUEUE}?saved={number}")
    ticked = page.visitor.submit(page, page.form("/bulk"), button="assign", id=[str(world.requests["radiator"])])
    assert ticked.submit("/bulk/assign", person=world.kim.id).address == f"{QUEUE}?saved={number}"
