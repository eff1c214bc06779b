"""Every page for everybody: who may come in, that it reads well, that its links lead somewhere, and what it costs.

Generated from the URL map: a new address joins by itself, and fails here until it has a sample (tests/support/doors.py) and a line
in the table below.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.desk.policy import serves
from tests.support import sweep
from tests.support.client import Page, Visitor
from tests.support.doors import (
    ACTORS,
    ADMINISTRATORS,
    AUDITORS,
    BARE,
    KEEPERS,
    LEADS,
    MINDERS,
    OWNERS,
    READERS,
    SERVING,
    TAKERS,
    WAITING,
    WORKERS,
    Canaries,
    Door,
    doors,
    names,
    plant,
    visitors,
)

LIST_WEIGHT = 60_000
"""Bytes of a list (spec/performance.md section 4)."""

WHO = {
    "everybody": "admin.livez admin.readyz people.ask_link",
    "person": """desk.catalogue desk.mine desk.mine_csv desk.new desk.promise
        desk.search desk.search_csv home.index home.search notifications.inbox notifications.preferences people.department
        people.departments_list people.devices people.directory people.directory_csv people.edit_profile
        people.organisation people.organisation_people people.own_profile
        people.password people.prove people.second_factor_page people.suggest""",
    "addressee": "notifications.mail_of",
    "administrators": """admin.confirm_drop admin.health admin.jobs admin.mail_check admin.one_mail admin.outbox admin.outbox_csv admin.restored admin.settings people.add_department
        people.add_hours people.add_location people.edit_department people.edit_hours people.edit_location people.working_hours""",
    "keepers": """people.add_person people.edit_person people.import_people people.import_run people.import_template people.keep_person people.leaving
        people.people_and_groups people.refused_rows""",
    "record": "admin.changes admin.changes_csv",
    "readers": "desk.request_page desk.clock_page desk.attachment",
    "taking": "desk.import_requests desk.import_run desk.refused_requests",
    "mailed": "desk.original",
    "minders": "desk.arrived desk.arrived_csv desk.arrived_mail desk.arrived_original",
    "owners": "desk.answer_page desk.ask_again desk.cancel desk.edit desk.followers",
    "workers": "desk.around desk.assign desk.follower desk.hand_over desk.priority desk.rest desk.wait",
    "queue": "desk.queue desk.queue_filters desk.views desk.new_view desk.queue_news desk.queue_clocks desk.queue_csv desk.follow_ups desk.follow_ups_csv desk.figure_rows desk.figure_rows_csv desk.log_call",
    "figures": "desk.figures desk.figures_csv",
    "leaders": "desk.all_figures desk.all_figures_csv",
    "view": "desk.edit_view",
    "shelf": "desk.services desk.replies desk.services_csv desk.replies_csv",
    "manage": "desk.service desk.sharing desk.promise_of desk.add_reply desk.edit_reply people.edit_department_voice",
    "led": "desk.of_department desk.of_department_csv",
    "profile": "people.profile",
    "absence": "people.absence",
    "door": "people.ask_code people.sign_in people.use_link people.open_link",
    "first": "desk.first_queue",
}
"""Which rule stands behind each address that reads; reviewed by hand."""
RULE = {endpoint: rule for rule, endpoints in WHO.items() for endpoint in endpoints.split()}
NOT_YET = {"desk.answer_page": {409}, "desk.ask_again": {409}, "desk.cancel": {409}, "desk.edit": {409}, "desk.wait": {409}}
"""What may not be its moment, depending on the state of the request."""


def expected(door: Door, who: str, serving: bool) -> set[int]:
    """The answers ``who`` may get at ``door``."""
    rule = RULE[door.endpoint]
    if rule == "door":
        return {"people.ask_code": {303}, "people.sign_in": {303 if who else 200}, "people.use_link": {410}, "people.open_link": {303}}[door.endpoint]
    if rule == "everybody":
        return {200}
    if not who:
        return {303}
    if rule == "taking":
        return _of_old_requests(door, who)
    return _of_request(door, rule, who, serving) if rule in ("readers", "owners", "workers") else _of_rule(door, rule, who)


def _of_old_requests(door: Door, who: str) -> set[int]:
    """Files are for whoever chose them alone."""
    if who not in names(MINDERS):
        return {403}
    if door.endpoint == "desk.import_requests":
        return {200} if who in names(TAKERS) else {403}
    return {200} if who == "ada" else {404}


def _of_request(door: Door, rule: str, who: str, serving: bool) -> set[int]:
    key, _, note = door.about.partition(" ")
    reads = who in names(READERS[key])
    if rule == "readers":
        if door.endpoint == "desk.request_page" and who in names(BARE.get(key, "")):
            return {200}
        return ({303} if door.endpoint == "desk.attachment" else {200}) if (who in names(WORKERS[key]) if note else reads) else {404}
    if who in names((OWNERS if rule == "owners" else WORKERS)[key]):
        return {200, *NOT_YET.get(door.endpoint, set())}
    if rule == "workers" and not serving:
        return {403}
    return {403} if reads else {404}


def _of_rule(door: Door, rule: str, who: str) -> set[int]:
    about = door.about
    if rule == "mailed":
        return {303} if who in names(WORKERS[about]) else {404}
    if rule == "minders":
        if who not in names(MINDERS):
            return {403}
        if door.endpoint in ("desk.arrived", "desk.arrived_csv"):
            return {200}
        return ({303} if door.endpoint == "desk.arrived_original" else {200}) if who in names(WAITING) else {404}
    if rule == "person":
        return {303} if door.endpoint == "people.own_profile" else {200}
    if rule == "addressee":
        return {200} if who in names(f"kim {KEEPERS}") else {404}
    if rule == "profile":
        return {200} if about != "bruno" or who in names(KEEPERS) else {404}
    if rule == "absence":
        planners = names({"mara": f"mara camille {KEEPERS}", "jonas": f"jonas priya {KEEPERS}", "bruno": KEEPERS}[about])
        return {200} if who in planners else {404} if about == "bruno" else {403}
    if rule == "first":
        return {303, 200} if who in names(" ".join(SERVING.values())) else {403}
    allowed = {
        "administrators": ADMINISTRATORS,
        "keepers": KEEPERS,
        "record": f"{ADMINISTRATORS} {AUDITORS}",
        "queue": SERVING.get(about, ""),
        "view": "jonas priya",
        "figures": f"{SERVING.get(about, '')} {ADMINISTRATORS}",
        "leaders": f"iris camille sam priya elena ruth leo aisha hana goran nils vera {ADMINISTRATORS}",
        "shelf": f"{SERVING.get(about, '')} {ADMINISTRATORS}",
        "manage": f"{LEADS.get(about, '')} {ADMINISTRATORS}",
        "led": f"{LEADS.get(about, '')} {AUDITORS}",
    }[rule]
    return {200} if who in names(allowed) else {403}


@pytest.fixture
def canaries(app: Flask, world: Any) -> Canaries:
    """The company with a row behind every address and a canary in every hidden place."""
    return plant(app, world)


def test_every_address_is_in_the_table(app: Flask, canaries: Canaries) -> None:
    """A new page says here who may see it; one that is gone leaves the table."""
    there = {door.endpoint for door in doors(app, canaries)}
    assert {"unknown here": sorted(there - set(RULE)), "gone": sorted(set(RULE) - there)} == {"unknown here": [], "gone": []}


@pytest.mark.parametrize("who", [*ACTORS, "ola", "sam", "lars", "nils", "iris"])
def test_every_page_for(app: Flask, canaries: Canaries, who: str) -> None:
    """Each address answers what the table says, reads well, and shows nothing that is not theirs."""
    visitor = visitors(app, canaries.world, (who,))[who]
    serving = bool(who) and _serves(app, canaries.world, who)
    complaints, seen, ahead = list[str](), set[str](), set[str]()
    for door in doors(app, canaries):
        page = visitor.get(door.path, follow_redirects=False)
        seen.add(door.path)
        if page.status not in expected(door, who, serving):
            complaints.append(f"{door} ({door.about}) answers {page.status}, expected {expected(door, who, serving)}")
        complaints += _complaints(page, canaries, who)
        ahead |= sweep.links(page) if page.status == 200 and page.is_html else set()
    complaints += _dead_links(visitor, canaries, who, sorted(ahead - seen))
    assert not complaints, "\n".join(dict.fromkeys(complaints))


def _serves(app: Flask, world: Any, who: str) -> bool:
    with app.app_context():
        return bool(serves(world.actor(who)))


def _complaints(page: Page, canaries: Canaries, who: str) -> list[str]:
    found = [f"{page.address} shows {place}" for place in sorted(canaries.leaks(page.response.get_data(as_text=True) + str(page.headers), who))]
    if page.is_html and 'class="account"' in page.source and not {"/sign-out", "/account/theme"} <= {form.action for form in page.forms}:
        found.append(f"{page.address} hides the way out: something of its own is called like something of the layout")
    if page.is_html and page.status not in (301, 303, 308):
        found += [f"{page.address} ({page.status}): {fault}" for fault in sweep.faults(page, whole="<html" in page.source)]
    return found


def _dead_links(visitor: Visitor, canaries: Canaries, who: str, addresses: list[str]) -> list[str]:
    """Links of the pages that the sweep itself did not open: none of them leads to an error of ours or to nothing."""
    found = []
    for address in addresses[:40]:
        page = visitor.get(address, follow_redirects=False)
        if page.status not in (200, 303):
            found.append(f"a link to {address} answers {page.status}")
        found += _complaints(page, canaries, who)
    return found


# -- what pages cost ---------------------------------------------------------------------------------------------------

LISTS = {
    "jonas": "/queue/facilities /queue/facilities?view=waiting /queue/facilities?q=radiator /queue/facilities/follow-ups /requests /notifications /people",
    "mara": "/requests /requests?show=done /need /need?q=heating /people /people?q=photo /departments /organisation /notifications",
    "camille": "/departments/marketing/requests /queue/marketing",
    "priya": "/services/facilities /replies/facilities",
    "ada": "/administration/changes /administration/jobs /administration/mail /administration/people /administration/working-hours /administration/import",
}


@pytest.mark.parametrize(("who", "address"), [(who, address) for who, addresses in LISTS.items() for address in addresses.split()])
def test_a_list_costs_eight_statements_and_sixty_kilobytes(world: Any, sign_in: Any, query_count: Any, who: str, address: str) -> None:
    """Whatever is in it."""
    visitor = sign_in(world.people[who])
    visitor.get(address)
    with query_count() as statements:
        page = visitor.get(address)
    assert page.status == 200
    assert len(page.source.encode()) <= LIST_WEIGHT
    assert statements.count <= 8, statements


@pytest.mark.parametrize(
    ("who", "request_key"), [("mara", "radiator"), ("mara", "bulbs"), ("tom", "pay"), ("jonas", "heating"), ("kim", "badge"), ("elena", "pay"), ("vera", "key")]
)
def test_the_page_of_a_request_costs_nine_statements(world: Any, sign_in: Any, query_count: Any, who: str, request_key: str) -> None:
    """For either side, whatever was said."""
    visitor = sign_in(world.people[who])
    address = f"/requests/{world.requests[request_key]}"
    visitor.get(address)
    with query_count() as statements:
        assert visitor.get(address).status == 200
    assert statements.count <= 9, statements


@pytest.mark.parametrize("service", ["repair", "pay-question"])
def test_filing_costs_sixteen_statements(world: Any, sign_in: Any, query_count: Any, service: str) -> None:
    """With clocks, activity, jobs and the key against double clicks."""
    mara: Visitor = sign_in(world.mara)
    first = mara.get(f"/need/{service}")
    values = _answers(first)
    first.submit("title", title="The window does not close", **values)
    again = mara.get(f"/need/{service}")
    form = again.form("title")
    with query_count() as statements:
        data = {name: list(held) for name, held in form.values.items()} | values | {"title": "The other window does not close"}
        answer = mara.post(form.action or again.address, data, follow_redirects=False)
    assert answer.status == 303, answer
    assert statements.count <= 16, statements


def _answers(page: Page) -> dict[str, Any]:
    """Something for every question of a service's form."""
    form = page.form("title")
    return {name: next((c for c in form.choices.get(name, []) if c), "12") for name in form.names if name.startswith("q_")}


Counting = Callable[[], Any]
