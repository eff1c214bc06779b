"""Every door of the portal, from its own URL map, and a company whose hidden rows carry canaries.

A canary is a word nobody could guess. Each stands in one hidden place; the lists below say who may read it. They were written by
hand from the specification and must not be computed from the code they check.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from portal.desk import importing as old_requests
from portal.desk.actions import importing as taking
from portal.desk.actions import undoing, views
from portal.desk.models import Attachment, CannedReply, Draft, MailedMessage, Message, MessageKind, Request
from portal.desk.queries import importing as old_read
from portal.kernel import clock, csvsafe, files, foreign_csv, jobs, mail
from portal.kernel.db import db
from portal.kernel.incoming import store
from portal.kernel.sessions import PortalSession
from portal.kernel.unit_of_work import unit_of_work
from portal.notifications.models import Notice
from portal.people import importing
from portal.people.actions import imports
from portal.people.models import Absence, Department, Person, RoleGrant
from portal.people.queries import imports as imports_read
from tests.support.client import Visitor
from tests.support.signing_in import signed_in

READERS = {
    "heating": "sam camille vera jonas kim ola priya",
    "expenses": "mara camille vera ruth",
    "chairs": "nils vera jonas kim ola priya",
    "move": "camille vera jonas kim ola priya",
    "bulbs": "mara camille vera jonas kim ola priya",
    "key": "mara camille vera jonas kim ola priya",
    "projector": "nils vera ada",
    "cold": "sam camille vera jonas kim ola priya",
    "socket": "aisha vera ada",
    "laptop": "lars hana goran vera ada",
    "late": "tom aisha vera ada",
    "pay": "tom aisha elena",
    "concern": "mara elena",
    "badge": "tom kim",
    "for-lars": "lars elena",
    "for-mara": "mara camille sam vera jonas kim ola priya",
    "radiator": "mara camille vera jonas kim ola priya",
}
"""Who may read a request: both sides, the leads of the requester's department, the auditor; of a confidential one only the named."""
OWNERS = {
    "heating": "sam", "expenses": "mara", "chairs": "nils", "move": "camille", "bulbs": "mara", "key": "mara", "projector": "nils", "cold": "sam",
    "socket": "aisha", "laptop": "lars", "late": "tom", "pay": "tom", "concern": "mara", "badge": "tom", "for-lars": "lars",
    "for-mara": "mara camille", "radiator": "mara",
}  # fmt: skip
"""Who decides about it: the requester, and whoever filed it for them unless it is confidential."""
FACILITIES, IT, PEOPLE, FINANCE = "jonas kim ola priya", "ada", "elena", "ruth"
WORKERS = {
    "expenses": FINANCE, "projector": IT, "socket": IT, "laptop": IT, "late": IT, "pay": PEOPLE, "concern": PEOPLE, "for-lars": PEOPLE, "badge": "kim",
    **dict.fromkeys(("heating", "chairs", "move", "bulbs", "key", "cold", "for-mara", "radiator"), FACILITIES),
}  # fmt: skip
"""Who answers it, and alone reads its team notes."""
BARE = {"badge": "priya"}
"""Leads who know a confidential request by number, department and state only."""
KEEPERS, ADMINISTRATORS, AUDITORS = "ada elena", "ada", "vera"
SERVING = {
    "facilities": FACILITIES, "it": IT, "people": PEOPLE, "finance": FINANCE, "legal": "leo", "marketing": "camille", "communications": "camille sam",
    "management": "iris", "customer-care": "aisha", "warehouse": "hana goran", "sales": "nils", "security": "priya vera",
}  # fmt: skip
"""Who sees the queue of a department: its fulfillers, its lead and deputies, and the leads above."""
LEADS = SERVING | {"facilities": "priya", "marketing": "camille"}
MINDERS = "camille iris leo priya ada elena ruth aisha hana goran nils vera sam"
"""Leads of any department and administrators, who have a list of mail that waits."""
TAKERS = f"leo priya ruth elena camille vera {ADMINISTRATORS}"
"""Administrators, and leads of departments with services, who may take requests of an earlier desk over."""
WAITING = "priya ada"
"""Who reads what waits for facilities: its lead and administrators."""
ACTORS = ("", "mara", "tom", "jonas", "kim", "priya", "camille", "aisha", "elena", "leo", "hana", "goran", "ruth", "vera", "ada")
"""Everybody who tries the doors; the first is nobody."""
CLOSELY = ("pay", "badge", "expenses", "radiator")
"""Requests behind every kind of address; the others are tried at their page, which is where the same loader stands."""
CANARY = re.compile(r"canary[0-9a-f]{12}")


def names(text: str) -> frozenset[str]:
    """People by key."""
    return frozenset(text.split())


@dataclass
class Canaries:
    """Which word stands where, and who may read it."""

    world: Any
    where: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    samples: dict[str, Any] = field(default_factory=dict)

    def new(self, place: str, readers: str) -> str:
        """A fresh word for one place."""
        word = f"canary{secrets.token_hex(6)}"
        self.where[word] = (place, names(readers))
        return word

    def leaks(self, text: str, reader: str) -> set[str]:
        """The places of the words in ``text`` that ``reader`` must not know."""
        return {self.where[word][0] for word in CANARY.findall(text) if word in self.where and reader not in self.where[word][1]}


def plant(app: Flask, world: Any) -> Canaries:
    """Put a canary into every hidden place of the company, and one row behind every kind of address."""
    canaries = Canaries(world)
    with app.app_context():
        with unit_of_work():
            for key, number in world.requests.items():
                _in_request(canaries, key, number)
            _around(canaries)
        db.session.remove()
    return canaries


def _in_request(canaries: Canaries, key: str, number: int) -> None:
    readers, workers = READERS[key], WORKERS[key]
    row = db.session.get_one(Request, number)
    for column in ("title", "customer_impact", "place", "call_number", "next_step"):
        setattr(row, column, f"Draught {canaries.new(f'{key}: {column}', readers)}")
    row.customer_notices = row.call_me = True
    owner, worker = OWNERS[key].split()[0], workers.split()[0]
    note = Message(request_id=number, author_id=canaries.world.people[worker].id, kind=MessageKind.NOTE, created_at=clock.now())
    note.body = f"Ask the landlord {canaries.new(f'{key}: note', workers)}"
    db.session.add(note)
    opening = db.session.scalars(sa.select(Message).where(Message.request_id == number).order_by(Message.id)).first()
    for message in db.session.scalars(sa.select(Message).where(Message.request_id == number, Message.kind != MessageKind.NOTE)):
        message.body += f" Draught {canaries.new(f'{key}: message {message.id}', readers)}"
    assert opening is not None
    kept = canaries.samples.setdefault("attachment_id", {})
    kept[key] = [_attach(opening, f"{canaries.new(f'{key}: file', readers)}.txt", owner, canaries)]
    kept[key] += [_attach(note, f"{canaries.new(f'{key}: file of a note', workers)}.txt", worker, canaries)]
    if key in CLOSELY:
        arrived = _arrive(f"{key}: mail", readers, canaries, "appended", number)
        db.session.add(MailedMessage(message_id=opening.id, mail_id=arrived))
        canaries.samples.setdefault("message_id", {})[key] = opening.id


def _arrive(place: str, readers: str, canaries: Canaries, decision: str, request_id: int | None) -> int:
    word = canaries.new(place, readers)
    raw = f"From: {word}@elsewhere.example\nSubject: Draught {word}\n\n{word}\n".encode()
    mail_id, _ = store.keep(raw, via="file", now=clock.now())
    row = db.session.get_one(store.IncomingMail, mail_id)
    row.decision, row.reason, row.subject, row.sender = store.Decision(decision), f"Because {word}", f"Draught {word}", f"{word}@elsewhere.example"
    facilities = db.session.scalars(sa.select(Department.id).where(Department.key == "facilities")).one()
    row.subject_kind, row.subject_id = ("desk.request", request_id) if request_id else ("people.department", facilities)
    db.session.flush()
    return mail_id


def _attach(message: Message, name: str, who: str, canaries: Canaries) -> int:
    owner = canaries.world.people[who].id
    stored = files.store(BytesIO(name.encode()), name=name, owner_id=owner, now=clock.now())
    row = Attachment(request_id=message.request_id, message_id=message.id, file_id=stored.id, name=name, size=stored.size, added_by=owner, added_at=clock.now())
    db.session.add(row)
    db.session.flush()
    return row.id


def _around(canaries: Canaries) -> None:
    world, now = canaries.world, clock.now()
    for form, owner in (("need.repair", "mara"), ("message.17", "mara"), ("work.17", "jonas"), ("need.pay-question", "tom")):
        word = canaries.new(f"draft of {owner}", owner)
        db.session.add(Draft(person_id=world.people[owner].id, form=form, fields={"title": [word], "description": [word], "body": [word]}, saved_at=now))
    for owner in ("mara", "leo"):
        word = canaries.new(f"notice of {owner}", owner)
        told = Notice(person_id=world.people[owner].id, kind="desk.replied", subject_kind="desk.request", subject_id=world.requests["radiator"], key=word)
        told.text, told.params, told.topic, told.facts, told.why, told.path = f"Draught {word}", {}, word, [], "asked", "/requests"
        told.excerpt, told.created_at = word, now
        db.session.add(told)
        db.session.flush()
        canaries.samples.setdefault("notice_id", told.id)
    letter = mail.queue(to="mara.okafor@marlow.example", subject="Hello", text=f"Draught {canaries.new('mail', ADMINISTRATORS)}", now=now)
    canaries.samples["mail_id"] = letter.id
    canaries.samples["arrived_id"] = _arrive("mail that waits", WAITING, canaries, "held", None)
    _arrive("mail that waits and names a confidential request", f"elena {ADMINISTRATORS}", canaries, "held", world.requests["concern"])
    _in_people(canaries)
    _in_administration(canaries)
    _in_queue(canaries)


def _in_queue(canaries: Canaries) -> None:
    """A view everybody at Facilities sees, one only Jonas sees, and something Jonas may take back."""
    world, now, jonas, facilities = canaries.world, clock.now(), canaries.world.actor("jonas"), canaries.world.departments["facilities"].id
    shared = views.keep(
        facilities, canaries.new("shared view", f"{FACILITIES} {ADMINISTRATORS} {AUDITORS}"), {"view": "next", "due": "late"}, shared=True, actor=jonas, now=now
    )
    views.keep(facilities, canaries.new("view of Jonas", "jonas"), {"view": "mine"}, shared=False, actor=jonas, now=now)
    item = {"id": world.requests["radiator"], "version": 0, "before": None, "after": None}
    canaries.samples |= {"view_id": shared.id, "undo_id": undoing.remember(facilities, "assign", [item], actor=jonas, now=now).id}


def _in_people(canaries: Canaries) -> None:
    world, now = canaries.world, clock.now()
    bruno = db.session.get_one(Person, world.bruno.id)
    bruno.ask_me_about = canaries.new("profile of a leaver", KEEPERS)
    bruno.phone = canaries.new("phone of a leaver", KEEPERS)
    bruno.search_text += f" draught {bruno.ask_me_about}"
    jonas = world.people["jonas"].id
    away = Absence(person_id=jonas, first_day=now.date().replace(day=28), last_day=now.date().replace(day=29), created_at=now)
    device = PortalSession(person_id=world.leo.id, digest=secrets.token_hex(32), created_at=now, seen_at=now, stepped_up_at=now, ended_at=None)
    device.expires_at, device.idle_seconds, device.address = now.replace(year=2027), 10**7, "192.0.2.7"
    device.device = canaries.new("device of Leo", "leo")
    db.session.add_all([away, device])
    db.session.flush()
    grant = db.session.scalars(sa.select(RoleGrant).where(RoleGrant.person_id == world.sam.id)).one()
    canaries.samples |= {"absence_id": away.id, "session_id": device.id, "grant_id": grant.id}


def _in_administration(canaries: Canaries) -> None:
    world, now = canaries.world, clock.now()
    people_file = f"staff_number,name,manager_staff_number\nMC-7000,New {canaries.new('somebody to come', KEEPERS)},{canaries.new('refused line', KEEPERS)}\n"
    received = imports.receive(BytesIO(people_file.encode()), f"{canaries.new('import', KEEPERS)}.csv")
    plan = importing.diff(
        importing.parse(csvsafe.read(BytesIO(people_file.encode()))), imports_read.world(now, imports.settings(), world.actor("ada")), leave_missing=False
    )
    run = imports.keep_preview(received, plan, leave_missing=False, actor=world.actor("ada"), now=now)
    parked = jobs.Job(name="kernel.nothing", args={"word": canaries.new("job", ADMINISTRATORS)}, run_at=now.replace(year=2030), created_at=now)
    parked.state, parked.last_error = jobs.State.PARKED, canaries.new("error of a job", ADMINISTRATORS)
    facilities = world.departments["facilities"].id
    reply = db.session.scalars(sa.select(CannedReply).where(CannedReply.department_id == facilities).order_by(CannedReply.id)).first()
    assert reply is not None
    reply.body = f"{reply.body} {canaries.new('prepared reply', f'{FACILITIES} {ADMINISTRATORS}')}"
    db.session.add(parked)
    db.session.flush()
    canaries.samples |= {"run_id": run.id, "job_id": parked.id, "reply_id": reply.id, "import_id": _take_in(canaries)}


def _take_in(canaries: Canaries) -> int:
    """A file of an earlier desk that an administrator has looked at; a row is refused and one would be new."""
    words = [canaries.new(f"{place} of an old request", "ada") for place in ("title", "refused line", "name of the file")]
    text = f"number,subject,requester,created\n1,Lamp {words[0]},Nils Brandt,2020-01-02\n2,Tap {words[1]},Nobody {words[1]},2020-01-02\n"
    received, now = taking.receive(BytesIO(text.encode()), f"{words[2]}.csv"), clock.now()
    options = old_requests.Options(department_id=canaries.world.facilities.id)
    run = taking.begin(received, options, actor=canaries.world.actor("ada"), now=now)
    with files.read(old_read.file_of(run)) as stream:
        sorted_ = taking.Judge(old_read.world(canaries.world.actor("ada"), now), options)
        found = taking.Look(options, header=next(foreign_csv.read(stream))[1])
    with files.read(old_read.file_of(run)) as stream:
        new, refused, _ = sorted_.sort(list(old_requests.rows(foreign_csv.read(stream))))
    found.first, found.refused = new, [one for _, one in refused]
    run.state, run.preview, run.total = "preview", old_read.summary(found, sorted_.world), 2
    db.session.flush()
    return run.id


# -- addresses ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Door:
    """One address with one method; ``about`` names the sample behind it."""

    endpoint: str
    method: str
    path: str
    about: str

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class NoSample(AssertionError):
    """A new kind of address that nobody has told the sweep about."""


def doors(app: Flask, canaries: Canaries, *, unsafe: bool = False) -> list[Door]:
    """Every address with every sample: those that read, or those that change something."""
    found = []
    adapter = app.url_map.bind("127.0.0.1:8000")
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule)):
        if rule.endpoint == "static":
            continue
        wanted = sorted((rule.methods or set()) - {"HEAD", "OPTIONS", "GET"}) if unsafe else sorted({"GET"} & (rule.methods or set()))
        for method in wanted:
            for about, values in _samples(rule, canaries):
                found.append(Door(rule.endpoint, method, adapter.build(rule.endpoint, values, method=method), about))
    return found


def _samples(rule: Rule, canaries: Canaries) -> Iterator[tuple[str, dict[str, Any]]]:
    world = canaries.world
    if "attachment_id" in rule.arguments:
        for key in CLOSELY:
            for place, number in zip(("", " note"), canaries.samples["attachment_id"][key], strict=True):
                yield key + place, {"request_id": world.requests[key], "attachment_id": number}
        return
    if "message_id" in rule.arguments:
        for key in CLOSELY:
            yield key, {"request_id": world.requests[key], "message_id": canaries.samples["message_id"][key]}
        return
    fixed = {name: _value(rule, name, canaries) for name in rule.arguments - {"request_id", "key", "staff_number"}}
    for about, values in _varied(rule, canaries):
        yield about, fixed | values


def _varied(rule: Rule, canaries: Canaries) -> Iterator[tuple[str, dict[str, Any]]]:
    world, wanted = canaries.world, rule.arguments
    if "request_id" in wanted:
        key = {"key": "facilities"} if "key" in wanted else {}
        tried = world.requests if rule.endpoint == "desk.request_page" else CLOSELY
        yield from ((name, key | {"request_id": world.requests[name]}) for name in tried)
    elif "service_id" in wanted:
        yield "facilities", {"key": "facilities", "service_id": world.services["repair"]}
        yield "people", {"key": "people", "service_id": world.services["pay-question"]}
    elif "key" in wanted:
        yield from ((key, {"key": key}) for key in _keys(rule, world))
    elif "staff_number" in wanted:
        yield from ((who, {"staff_number": world.people[who].staff_number}) for who in ("mara", "jonas", "bruno"))
    else:
        yield "", {}


def _keys(rule: Rule, world: Any) -> list[str]:
    if rule.rule.startswith("/need/"):
        return ["repair", "pay-question"]
    if rule.rule.startswith(("/queue/", "/departments/", "/organisation/", "/administration/departments/", "/services/", "/replies/")):
        return ["facilities"] if rule.arguments & {"reply_id", "view_id", "undo_id"} else ["facilities", "people", "legal"]
    raise NoSample(f"what is the key in {rule.rule}? Add it to tests/support/doors.py")


def _value(rule: Rule, name: str, canaries: Canaries) -> Any:
    world = canaries.world
    known = {
        "person_id": world.people["kim"].id,
        "calendar_id": world.calendars["facilities"].id,
        "location_id": world.locations["harbour"].id,
        "service_id": world.services["repair"],
        "form": "need.repair",
        "way": "claim",
        "purpose": "sign-in",
        "token": "a" * 43,
        **canaries.samples,
    }
    if name not in known:
        raise NoSample(f"what is {name} in {rule.rule}? Add a sample to tests/support/doors.py")
    return known[name]


def visitors(app: Flask, world: Any, actors: tuple[str, ...] = ACTORS) -> dict[str, Visitor]:
    """A browser for each of these people; the empty name is nobody."""
    return {who: signed_in(app, world.people[who].id) if who else Visitor(app) for who in actors}
