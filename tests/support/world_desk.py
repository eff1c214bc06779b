"""The desk of the little company: the shipped catalogue and one request in every state, filed through the real actions.

``world.requests["radiator"]`` and so on are ids; see REQUESTS for who asked what. Jobs that filing would set off are dropped, so a
test starts with an empty queue and outbox.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from portal.desk.actions.assigning import claim
from portal.desk.actions.conversation import Reply, add_message, add_note, reply
from portal.desk.actions.deciding import cancel, confirm
from portal.desk.actions.filing import Filing, file_request
from portal.desk.actions.moving import plan, set_priority, transfer
from portal.desk.catalogue import sync_catalogue
from portal.desk.models import CannedReply, NamedFulfiller, Request, Service
from portal.desk.rules import Answer, Priority, ReplyKind, WaitFor
from portal.kernel import jobs
from portal.kernel.db import db
from portal.kernel.policy import SYSTEM
from portal.kernel.unit_of_work import unit_of_work
from tests.support.world import World

NAMED = {
    "pay-question": "elena",
    "long-leave": "elena",
    "workplace-adjustment": "elena",
    "concern": "elena",
    "privacy": "leo",
    "authority-letter": "leo",
    "badge-key": "kim",
}
"""Who is named for confidential requests, by service."""


@dataclass(frozen=True)
class Case:
    """One request of the world: asked by ``who`` of a service, at ``at``; ``then`` brings it into its state."""

    who: str
    service: str
    title: str
    text: str
    at: datetime
    by: str = ""
    impact: str = "slower"
    customer: str = ""
    confidential: bool = False
    followers: tuple[str, ...] = ()
    place: str = ""
    then: Callable[["Desk", Request], Any] = lambda desk, request: None


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """Berlin wall-clock time in November 2026, as an instant."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) - timedelta(hours=1)


def _with_jonas(desk: "Desk", request: Request) -> None:
    claim(request, actor=desk.actor("jonas"), now=at(23, 14, 30))
    text = "I look at the thermostat with a new sensor."
    reply(request, Reply(text, "I change the sensor", at(26, 12)), actor=desk.actor("jonas"), now=at(23, 15))


def _asks_back(desk: "Desk", request: Request) -> None:
    asks = Reply("Which of the two train tickets was it, out or back?", wait_for=WaitFor.REQUESTER)
    reply(request, asks, actor=desk.actor("ruth"), now=at(23, 11))


def _waits_for_supplier(desk: "Desk", request: Request) -> None:
    waits = Reply("The firm confirms the colour today.", "I tell you the day of delivery", at(27, 12), wait_for=WaitFor.OTHER, wait_name="Stuhl and Tisch")
    reply(request, waits, actor=desk.actor("kim"), now=at(20, 11))


def _planned(desk: "Desk", request: Request) -> None:
    comes = Reply("We move you on Friday afternoon.", "Movers come with boxes", at(27, 15))
    reply(request, comes, actor=desk.actor("ola"), now=at(20, 12))
    plan(request, planned=True, actor=desk.actor("ola"), now=at(20, 12, 5))


def _solved(desk: "Desk", request: Request) -> None:
    add_note(request, body="Bulbs are in store B, top shelf.", actor=desk.actor("ola"), now=at(23, 9, 30))
    reply(request, Reply("New bulbs are in, both lamps work.", kind=ReplyKind.FIX), actor=desk.actor("kim"), now=at(23, 10))


def _closed(desk: "Desk", request: Request) -> None:
    reply(request, Reply("Your key opens both doors now.", kind=ReplyKind.FIX), actor=desk.actor("jonas"), now=at(17, 15))
    confirm(request, answer=Answer.YES, note="Thank you, Jonas.", actor=desk.actor("mara"), now=at(18, 9))


def _cancelled(desk: "Desk", request: Request) -> None:
    cancel(request, reason="We found one in the cupboard.", actor=desk.actor("nils"), now=at(19, 9))


def _reopened(desk: "Desk", request: Request) -> None:
    reply(request, Reply("I bled the radiator, it is warm.", kind=ReplyKind.FIX), actor=desk.actor("jonas"), now=at(19, 15))
    confirm(request, answer=Answer.NO, note="It is cold again this morning.", actor=desk.actor("sam"), now=at(20, 9))


def _handed_over(desk: "Desk", request: Request) -> None:
    service = desk.service("meeting-room-tech")
    transfer(request, service_id=service.id, reason="It is the screen, not the socket.", actor=desk.actor("ola"), now=at(24, 9, 15))


def _urgent(desk: "Desk", request: Request) -> None:
    set_priority(request, Priority.URGENT, actor=desk.actor("ada"), now=at(24, 9, 40))


def _talked_over(desk: "Desk", request: Request) -> None:
    says = Reply("I ask payroll and come back to you.", "I explain the sum", at(25, 12))
    reply(request, says, actor=desk.actor("elena"), now=at(23, 12))
    add_message(request, body="The overtime of October is missing, too.", actor=desk.actor("tom"), now=at(23, 16))


REQUESTS = {
    "heating": Case("sam", "heating", "Too warm in the call room", "We open the window in winter.", at(23, 14), then=_with_jonas),
    "expenses": Case("mara", "expenses", "Train to Leipzig", "Two tickets, the second one was cheaper.", at(20, 10), then=_asks_back),
    "chairs": Case("nils", "furniture", "Four chairs for the sales floor", "The old ones wobble.", at(19, 11), then=_waits_for_supplier),
    "move": Case("camille", "move", "Move two desks to the window", "From the corner to the window.", at(19, 16), then=_planned),
    "bulbs": Case("mara", "repair", "Two lamps flicker in Studio 1", "Since Friday.", at(20, 16), then=_solved),
    "key": Case("mara", "badge-key", "Key card for the photo store", "I cannot get in.", at(16, 10), then=_closed),
    "projector": Case("nils", "meeting-room-tech", "A projector for Monday", "The one in room 3 is gone.", at(18, 15), then=_cancelled),
    "cold": Case("sam", "repair", "Radiator in the editors' room", "Cold on one side.", at(18, 11), then=_reopened),
    "socket": Case("aisha", "repair", "No picture in meeting room 2", "The socket may be dead.", at(24, 8, 50), then=_handed_over),
    "laptop": Case("lars", "it-broken", "Scanner does not start", "The red light blinks.", at(23, 17), then=_urgent),
    "late": Case("tom", "it-question", "How do I forward my phone?", "I am on the early shift.", at(17, 9)),
    "pay": Case("tom", "pay-question", "My pay for October", "It is less than I thought.", at(23, 10), followers=("aisha",), then=_talked_over),
    "concern": Case("mara", "concern", "Tone in our meetings", "I would like to talk to you alone.", at(23, 13)),
    "badge": Case("tom", "badge-key", "A door I should not name", "Please keep it between us.", at(23, 15), confidential=True),
    "for-lars": Case("lars", "long-leave", "Three months from March", "Hana writes this for Lars.", at(23, 16), by="hana"),
    "for-mara": Case("mara", "repair", "Shelf in the photo store", "Camille writes this.", at(24, 9), by="camille", followers=("sam",)),
    "radiator": Case(
        "mara",
        "repair",
        "Radiator in Studio 2 stays cold",
        "The radiator by the window stays cold, the other one is fine. We shoot the Heron photos there on Thursday.",
        at(24, 10),
        customer="Heron product photos go live on Monday.",
        place="Studio 2, first floor",
    ),
}
"""One request of every kind; pay, concern, badge and for-lars are confidential."""


class Desk:
    """What the cases need while the world is being built."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.services = {row.key: row for row in db.session.scalars(sa.select(Service))}

    def actor(self, key: str) -> Any:
        """Somebody of the cast, with the rights they have on the day of the story."""
        return self.world.actor(key)

    def service(self, key: str) -> Service:
        """A service of the catalogue."""
        return self.services[key]


def add_desk(world: World, now: datetime) -> None:
    """Add the catalogue, who is named for what, prepared replies and the requests; one unit of work."""
    with unit_of_work():
        sync_catalogue(actor=SYSTEM, now=now - timedelta(days=90))
        desk = Desk(world)
        _name(desk)
        _prepare_replies(world)
        ids = {key: _file(desk, case) for key, case in REQUESTS.items()}
        db.session.execute(sa.delete(jobs.Job))
    world.services |= {key: row.id for key, row in desk.services.items()}
    world.requests |= ids


def _name(desk: Desk) -> None:
    for service, who in NAMED.items():
        db.session.add(NamedFulfiller(service_id=desk.service(service).id, person_id=desk.world.people[who].id))
    db.session.flush()


def _prepare_replies(world: World) -> None:
    facilities = world.departments["facilities"].id
    thanks = "Thanks, we have received your request and will look into it as soon as we can."
    db.session.add(CannedReply(department_id=facilities, name="Heating: we have it", body=thanks, is_acknowledgement=True, position=1))
    heater = "A heater is on its way to you. It stays until the radiator works."
    db.session.add(CannedReply(department_id=facilities, name="Heater on the way", body=heater, position=2))
    db.session.flush()


def filing_of(world: World, case: Case, service: Service) -> Filing:
    """What the form would send."""
    return Filing(
        service_id=service.id,
        title=case.title,
        description=case.text,
        requester_id=world.people[case.who].id,
        impact=case.impact,
        customer_notices=bool(case.customer),
        customer_impact=case.customer,
        confidential=case.confidential,
        follower_ids=[world.people[key].id for key in case.followers],
        place=case.place,
        location_id=world.locations["mill_road"].id,
    )


def _file(desk: Desk, case: Case) -> int:
    filing = filing_of(desk.world, case, desk.service(case.service))
    request = file_request(filing, actor=desk.actor(case.by or case.who), now=case.at)
    case.then(desk, request)
    return request.id
