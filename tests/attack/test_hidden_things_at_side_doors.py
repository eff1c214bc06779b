"""The rule held on the page and was missing at the search, the filter, the suggestion, the export or the mail.

Published case class: object access through side doors (FreeScout CVE-2026-41183 and -41189, GLPI CVE-2023-23610, Indico
CVE-2025-53640, Zulip CVE-2022-31134). Every plain address is tried in tests/flows/test_page_sweep.py; here are the doors with
something behind the question mark, the parts of pages, the forms that show rows, and what leaves the house.
"""

import re
from typing import Any

import pytest
from flask import Flask

from portal.desk.actions.conversation import Reply, add_message, add_note, reply
from portal.desk.actions.deciding import cancel
from portal.kernel.db import db
from portal.notifications.models import Notice
from tests.support.client import FROM_PAGE, Visitor
from tests.support.desk import DeskUser
from tests.support.doors import ACTORS, READERS, WORKERS, Canaries, names, visitors

SEARCHED = ("draught", "landlord", "%", "12")
VIEWS = ("next", "waiting", "follow-up")
TRIED = ("mara", "tom", "jonas", "priya", "camille", "aisha", "elena", "leo", "hana", "vera", "ada")


def addresses(canaries: Canaries) -> list[str]:
    """Doors with something behind the question mark."""
    world = canaries.world
    everything = ",".join(str(number) for number in world.requests.values())
    found = [
        f"{place}?q={text.replace('%', '%25').replace('#', '%23')}"
        for text in SEARCHED
        for place in ("/search", "/requests/search", "/people/suggest", "/requests", "/need")
    ]
    found += [f"/people?q={text}&left=y" for text in ("draught", "bruno", "canary")] + ["/people?left=y", "/people?department=sales&left=y"]
    found += [f"/people/suggest?q={text}" for text in ("bruno", "MC-0099", "b", "")]
    for key in ("facilities", "people"):
        found += [f"/queue/{key}?view={view}" for view in VIEWS]
        found += [f"/queue/{key}?q=draught", f"/queue/{key}?assignee=nobody", f"/queue/{key}?notices=yes", f"/queue/{key}?status=closed"]
        found += [f"/queue/{key}/news?since=0", f"/queue/{key}/clocks?ids={everything}", f"/departments/{key}/requests?q=draught"]
    found += [f"/requests?show={tab}" for tab in ("waiting", "done", "followed", "nothing")]
    found += ["/departments/customer-care/requests", "/departments/marketing/requests?q=draught", "/departments/warehouse/requests"]
    for key in ("pay", "badge", "concern", "radiator"):
        page = f"/requests/{world.requests[key]}"
        found += [f"{page}?view=work", f"{page}?all=1", f"{page}?reply={canaries.samples['reply_id']}"]
        found += [f"/administration/changes{kind}?subject=desk.request&number={world.requests[key]}" for kind in ("", ".csv")]
    found += [f"/administration/{page}" for page in ("jobs?show=given_up", "jobs?show=all", "mail?show=all", "mail?show=queued", "changes?person=MC-0412")]
    return found


@pytest.mark.parametrize("who", TRIED)
def test_no_side_door_shows_what_the_page_hides(app: Flask, canaries: Canaries, who: str) -> None:
    """Searches, filters, suggestions, polls, exports and forced views, as a page and as a part of one."""
    visitor = visitors(app, canaries.world, (who,))[who]
    leaks, broken = list[str](), list[str]()
    for number, address in enumerate(addresses(canaries)):
        # Parts of pages come from the same queries, so every fifth is enough to see that they do.
        for page in [visitor.get(address), *([visitor.fragment(address)] if number % 5 == 0 else [])]:
            leaks += [f"{address} shows {place}" for place in canaries.leaks(page.response.get_data(as_text=True), who)]
            broken += [f"{address} answers {page.status}"] if page.status >= 500 else []
    assert (leaks, broken) == ([], [])


def test_the_canaries_are_found_where_they_belong(app: Flask, canaries: Canaries) -> None:
    """Success beside refusal: whoever may read a thing does find it, so silence above means hidden, not missing."""
    people = visitors(app, canaries.world)
    for key, number in canaries.world.requests.items():
        words = {word for word, (place, _) in canaries.where.items() if place in (f"{key}: title", f"{key}: file")}
        for who in set(ACTORS) & names(READERS[key]):
            page = people[who].get(f"/requests/{number}")
            assert all(word in page.source for word in words), (key, who)
        note = {word for word, (place, _) in canaries.where.items() if place == f"{key}: note"}
        for who in set(ACTORS) & names(WORKERS[key]):
            page = people[who].get(f"/requests/{number}?view=work")
            assert all(word in page.source for word in note), (key, who)


@pytest.mark.parametrize("who", ["mara", "leo", "vera", "ada"])
def test_a_hidden_number_looks_like_an_unknown_one(app: Flask, canaries: Canaries, who: str) -> None:
    """Page, search and every action answer the same bytes for "not yours" and "not there" (FreeScout: search by number)."""
    visitor = visitors(app, canaries.world, (who,))[who]
    hidden, unknown = str(canaries.world.requests["badge"]), "99"

    def seen(number: str, address: str) -> tuple[int, str, list[str]]:
        page = visitor.get(address.format(number))
        plain = re.compile(rf"\b{number}\b")
        return page.status, plain.sub("N", page.text), [plain.sub("N", link.href) for link in page.links]

    for address in ("/requests/{}", "/requests/{}/clock", "/requests/{}/work/assign", "/requests/{}/cancel", "/search?q={}", "/requests/{}/attachments/1"):
        assert seen(hidden, address) == seen(unknown, address), address


@pytest.mark.parametrize("way", ["", "/claim", "/assign", "/reply", "/step", "/priority"])
def test_ticking_hidden_rows_tells_nothing(app: Flask, canaries: Canaries, way: str) -> None:
    """A form for several requests is sent with the numbers of others; only those one works on are named."""
    world = canaries.world
    for who, key in (("jonas", "facilities"), ("priya", "facilities"), ("ruth", "finance"), ("vera", "security")):
        visitor = visitors(app, world, (who,))[who]
        page = visitor.get("/account/profile/edit")
        token = page.form("pronouns").values["csrf_token"]
        ids = [str(number) for number in world.requests.values()]
        answer = visitor.post(f"/queue/{key}/bulk{way}", {"csrf_token": token, "ids": ids, "id": ids, "request": ids, "way": way.strip("/") or "claim"})
        assert answer.status < 500
        assert canaries.leaks(answer.source, who) == set()


def test_files_are_handed_out_to_readers_only_and_addresses_cannot_be_bent(app: Flask, canaries: Canaries) -> None:
    """The number of a file under the number of another request, a changed signature, another name (FreeScout CVE-2026-41192)."""
    from portal.kernel.content_host import create_content_app

    world, files = canaries.world, canaries.samples["attachment_id"]
    tom = visitors(app, world, ("tom",))["tom"]
    for mine, other in (("pay", "badge"), ("pay", "radiator"), ("badge", "pay")):
        for number in files[other]:
            assert tom.get(f"/requests/{world.requests[mine]}/attachments/{number}", follow_redirects=False).status == 404
    address = tom.get(f"/requests/{world.requests['pay']}/attachments/{files['pay'][0]}", follow_redirects=False).headers["Location"]
    path = "/" + address.split("/", 3)[3]
    assert not address.startswith(tom.base)
    from werkzeug.test import Client

    content = Client(create_content_app(app.extensions["settings"], str(app.secret_key)))
    given = content.get(path, buffered=True)
    assert given.status_code == 200
    assert given.headers["Content-Disposition"].startswith("attachment")
    bent = [path.replace("/f/", "/f/x", 1), path[:-8] + "/../../portal.db", path.replace(".", "", 1), "/f/", "/", "/portal.db", "/../portal.db", "/f/%2e%2e/x"]
    assert {content.get(one, buffered=True).status_code for one in bent} == {404}
    assert {content.post(path).status_code, content.open(path, method="DELETE").status_code} == {404}


# -- what leaves the house ----------------------------------------------------------------------------------------------


def test_mail_and_notices_reach_those_who_may_read(app: Flask, world: Any, context: Flask, run_jobs: Any, outbox: Any) -> None:
    """A confidential request lives a whole life; no mail, subject, digest or notice of anybody else names a word of it."""
    desk, canaries = DeskUser(world), Canaries(world)
    said = canaries.new("confidential", "tom elena aisha")
    pay = desk.file("tom", "pay-question", title=f"Pay {said}", description=f"About {said}", follower_ids=[world.aisha.id], customer_impact=said).id
    open_word = canaries.new("team note", "elena")
    run_jobs(periodic=True)
    desk.act(add_note, pay, body=f"Note {open_word}", who="elena")
    desk.act(reply, pay, Reply(f"Which month {said}?", asks=True, wait_name=said), who="elena")
    desk.act(add_message, pay, body=f"October {said}", who="tom")
    run_jobs(periodic=True)
    other = desk.file("tom", "badge-key", title=f"Door {canaries.new('ticked', 'tom kim')}", description="Between us", confidential=True).id
    run_jobs(periodic=True)
    desk.act(cancel, other, reason=f"No longer {canaries.new('reason', 'tom kim')}", who="tom")
    run_jobs(periodic=True)
    keys = {who.email: key for key, who in world.people.items()}
    letters = outbox()
    assert letters
    leaked = {
        (letter.to, place) for letter in letters for place in canaries.leaks(f"{letter.subject} {letter.text} {letter.html} {letter.headers}", keys[letter.to])
    }
    assert leaked == set()
    by_id = {who.id: key for key, who in world.people.items()}
    told = list(db.session.scalars(db.select(Notice)))
    assert {by_id[one.person_id] for one in told} >= {"elena", "tom"}
    assert not [
        (by_id[n.person_id], place) for n in told for place in canaries.leaks(f"{n.topic} {n.excerpt} {n.params} {n.facts} {n.text}", by_id[n.person_id])
    ]


def test_confidential_words_never_travel_by_mail(world: Any, context: Flask, run_jobs: Any, outbox: Any) -> None:
    """A mailbox is read by assistants and kept for years: the mail about a confidential request says that there is news, not which."""
    desk = DeskUser(world)
    pay = desk.file("tom", "pay-question", title="Pay sparrowhawk", description="About the sparrowhawk").id
    desk.act(reply, pay, Reply("The sparrowhawk is explained."), who="elena")
    run_jobs(periodic=True)
    assert outbox(to="tom.becker")
    assert not [letter.subject for letter in outbox() if "sparrowhawk" in f"{letter.subject} {letter.text} {letter.html}"]


def test_a_shared_cache_keeps_nothing_of_a_person(world: Any, sign_in: Any) -> None:
    """Flask CVE-2023-30861: every page that knew a person says no-store and varies on the cookie."""
    mara: Visitor = sign_in(world.mara)
    for address in ("/", "/requests", "/people", "/nowhere", f"/requests/{world.requests['radiator']}", f"/requests/{world.requests['pay']}"):
        page = mara.client.get(address, base_url=mara.base, headers=FROM_PAGE)
        assert page.headers["Cache-Control"] == "no-store", address
        assert "Cookie" in page.headers["Vary"], address
