"""Whom the desk tells about what happened. Runs after the change, as jobs; the ledger makes sure nobody hears it twice.

Never whoever did it; of a confidential request neither title nor words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from portal.contracts.desk import (
    ClockWarned,
    FollowUpAsked,
    ParticipantAdded,
    RequestAssigned,
    RequestCancelled,
    RequestConfirmed,
    RequesterWrote,
    RequestFiled,
    RequestReopened,
    RequestReplied,
    RequestResolved,
    RequestTransferred,
)
from portal.contracts.people import AbsencePlanned
from portal.desk.actions import calls, sharing
from portal.desk.models import Clock, Message, Request, Service
from portal.desk.policy import serves
from portal.desk.queries import promises, recipients
from portal.desk.queries.recipients import Recipient
from portal.desk.rules import Status
from portal.kernel import clock
from portal.kernel.activity import Activity, on
from portal.kernel.db import db
from portal.kernel.messages import Message as Sentence
from portal.kernel.messages import say
from portal.notifications import actions as notifications
from portal.notifications import kinds
from portal.people.models import Department, Person

ASKING = (
    ("desk.filed", say("Receipts"), say("A department has your request, and says by when it answers.")),
    ("desk.replied", say("Answers to your requests"), say("Somebody answered or asked you something.")),
    ("desk.resolved", say("Solved requests"), say("Somebody says your request is solved.")),
    ("desk.follow_up", say("Did it work?"), say("A few days later: did it work?")),
    ("desk.transferred", say("Handed over"), say("A request went to another department.")),
    ("desk.joined", say("Requests you follow"), say("Somebody lets you follow a request.")),
    ("desk.held", say("Mail that waits"), say("A mail from your address waits, because nothing in it proves that you wrote it.")),
    ("desk.cancelled", say("No longer needed"), say("A request you follow or work on is no longer needed.")),
)
"""Kinds of notices for everybody: key, name, what they are about."""
ANSWERING = (
    ("desk.new", say("New in your queue"), say("Somebody asks your department for something.")),
    ("desk.written", say("Messages in requests you answer"), say("The requester added something.")),
    ("desk.assigned", say("Requests given to you"), say("A colleague gave you a request.")),
    ("desk.named", say("Your name in a team note"), say("A colleague named you in a note.")),
    ("desk.reopened", say("Came back"), say("Something you solved did not work, or more came up.")),
    ("desk.warned", say("Time is running out"), say("A promise is close to its time, or late.")),
)
"""Kinds for those who answer for a department or lead it."""


def setup() -> None:
    """Announce the kinds of notices and who may still see requests."""
    for order, (key, label, description) in enumerate(ASKING):
        kinds.register(key, label, description, order=order, is_receipt=key == "desk.filed", is_automatic=key == "desk.held")
    for order, (key, label, description) in enumerate(ANSWERING, start=len(ASKING)):
        kinds.register(key, label, description, order=order, who=lambda actor: bool(serves(actor)))
    kinds.reason("named", say("A colleague named you in a note."))
    kinds.subject("desk.request", recipients.still_visible, mark="R")


@dataclass(frozen=True)
class News:
    """One thing to tell about a request; ``key`` makes it unique, ``excerpt`` is quoted."""

    kind: str
    key: str
    text: Sentence
    excerpt: str = ""
    facts: Sequence[tuple[Sentence, object]] = ()
    bundle: str = "request"
    author_id: int | None = None


def tell(request: Request, news: News, to: Iterable[Recipient], *, but: int | None, now: datetime) -> None:
    """Tell each of them except whoever did it, grouped by why they hear."""
    by_reason: dict[str, list[int]] = {}
    for recipient in to:
        if recipient.person_id != but:
            by_reason.setdefault(recipient.why, []).append(recipient.person_id)
    for why, person_ids in by_reason.items():
        notifications.tell(
            person_ids,
            kind=news.kind,
            subject=("desk.request", request.id),
            key=news.key,
            text=news.text,
            why=why,
            path=recipients.path_of(request.id),
            topic=f"{request.id} {request.title}",
            excerpt=news.excerpt,
            facts=news.facts,
            private=request.is_confidential,
            bundle=news.bundle,
            author_id=news.author_id,
            now=now,
        )


def find(request_id: int) -> Request:
    """The request as it is now."""
    return db.session.get_one(Request, request_id)


def called(request: Request) -> object:
    """What a sentence calls the request: its title, or its number alone where the title is nobody's business."""
    return say("request %(number)s", number=request.id) if request.is_confidential else f"“{request.title}”"


def first_name(person_id: int | None) -> str:
    """How colleagues call somebody."""
    row = db.session.get(Person, person_id) if person_id else None
    return row.first_name if row else ""


def words_of(message_id: int) -> str:
    """The text of a message."""
    return db.session.scalar(sa.select(Message.body).where(Message.id == message_id)) or ""


def department_name(department_id: int) -> str:
    """The name of a department."""
    return db.session.get_one(Department, department_id).name


@on(RequestFiled)
def tell_of_filing(event: RequestFiled, entry: Activity) -> None:
    """A receipt with the promise for those who asked, and the news for those on duty."""
    now, request = clock.now(), find(event.request_id)
    sharing.share_out(request, now=now)
    sides = recipients.requesters(request)
    asked = [who for who in sides if who.why != "follows"]
    if not calls.was_solved_on_the_phone(request):
        tell(request, News("desk.filed", str(entry.id), receipt(request, now), facts=promised(request)), asked, but=None, now=now)
    joined = say("%(name)s lets you follow %(request)s.", name=first_name(event.filed_by_id), request=called(request))
    tell(request, News("desk.joined", "joined", joined), [who for who in sides if who.why == "follows"], but=entry.actor_id, now=now)
    if request.is_open and request.assignee_id is None:
        tell(request, _new_in_queue(request, entry), recipients.answering(request, now), but=entry.actor_id, now=now)


def receipt(request: Request, now: datetime) -> Sentence:
    """Who has it and who answers by when, as far as that is known: Facilities has it. Jonas answers by Tue 14:00."""
    department = department_name(request.department_id)
    due = _due_of(request.id, "first_response")
    service = db.session.get_one(Service, request.service_id)
    present = promises.on_duty(service, recipients.day_of(request, now), confidential=request.is_confidential)
    if due is None or request.status is not Status.NEW:
        return say("%(department)s has it.", department=department)
    if request.assignee_id is not None:
        return say("%(department)s has it. %(name)s answers by %(due)s.", department=department, name=first_name(request.assignee_id), due=due)
    if not present:
        return say("%(department)s has it. You have an answer by %(due)s.", department=department, due=due)
    if len(present) == 1:
        return say("%(department)s has it. %(name)s answers by %(due)s.", department=department, name=present[0].first_name, due=due)
    return say("%(department)s has it. %(name)s or a colleague answers by %(due)s.", department=department, name=present[0].first_name, due=due)


def _due_of(request_id: int, name: str) -> datetime | None:
    return db.session.scalar(sa.select(Clock.due).where(Clock.request_id == request_id, Clock.name == name).order_by(Clock.cycle.desc()).limit(1))


def promised(request: Request) -> list[tuple[Sentence, object]]:
    """The promise as facts of a mail."""
    found = ((say("First answer by"), _due_of(request.id, "first_response")), (say("Solved by"), _due_of(request.id, "resolution")))
    return [(label, due) for label, due in found if due is not None]


def _new_in_queue(request: Request, entry: Activity) -> News:
    name = first_name(request.requester_id)
    text = say("%(name)s asks for help: %(request)s", name=name, request=called(request))
    if request.customer_notices and not request.is_confidential:
        text = say("%(name)s asks for help, and a customer would notice: %(request)s", name=name, request=called(request))
    opening = db.session.scalar(sa.select(Message.body).where(Message.request_id == request.id).order_by(Message.id).limit(1))
    return News("desk.new", str(entry.id), text, excerpt=opening or "", facts=promised(request))


@on(RequesterWrote)
def tell_of_message(event: RequesterWrote, entry: Activity) -> None:
    """Whoever answers, and the others of the requester's side."""
    now, request = clock.now(), find(event.request_id)
    text = say("%(name)s wrote about %(request)s.", name=first_name(event.author_id), request=called(request))
    news = News("desk.written", f"message-{event.message_id}", text, excerpt=words_of(event.message_id), author_id=event.author_id)
    tell(request, news, [*recipients.answering(request, now), *recipients.requesters(request)], but=event.author_id, now=now)


def tell_of_names(message_id: int) -> None:
    """Whoever a team note names and who still reads it."""
    now, note = clock.now(), db.session.get_one(Message, message_id)
    request = find(note.request_id)
    text = say("%(name)s named you in a note about %(request)s.", name=first_name(note.author_id), request=called(request))
    news = News("desk.named", f"message-{note.id}", text, excerpt=note.body, author_id=note.author_id)
    tell(request, news, [Recipient(person, "named") for person in recipients.named(request, message_id)], but=note.author_id, now=now)


@on(RequestReplied)
def tell_of_reply(event: RequestReplied, entry: Activity) -> None:
    """The requester's side: the answer, with the next step and its time."""
    now, request = clock.now(), find(event.request_id)
    name, due = first_name(event.author_id), event.next_step_at and datetime.fromisoformat(event.next_step_at)
    text = say("%(name)s answered about %(request)s.", name=name, request=called(request))
    if due and not request.is_confidential:
        text = say("%(name)s answered. Next: %(step)s, by %(due)s.", name=name, step=event.next_step, due=due)
    news = News("desk.replied", f"message-{event.message_id}", text, excerpt=words_of(event.message_id), author_id=event.author_id)
    tell(request, news, recipients.requesters(request), but=event.author_id, now=now)


@on(RequestResolved)
def tell_of_resolution(event: RequestResolved, entry: Activity) -> None:
    """The requester's side, with the question whether it worked."""
    now, request = clock.now(), find(event.request_id)
    text = say("%(name)s says %(request)s is solved. Did it work?", name=first_name(event.resolver_id), request=called(request))
    news = News("desk.resolved", f"message-{event.message_id}", text, excerpt=words_of(event.message_id), author_id=event.resolver_id)
    tell(request, news, recipients.requesters(request), but=event.resolver_id, now=now)


@on(FollowUpAsked)
def tell_of_question(event: FollowUpAsked, entry: Activity) -> None:
    """Ask the requester once more."""
    now, request = clock.now(), find(event.request_id)
    if not request.awaits_answer:
        return
    text = say("Some days ago %(request)s was solved. Did it work?", request=called(request))
    tell(request, News("desk.follow_up", str(entry.id), text), [Recipient(event.requester_id, "asked")], but=None, now=now)


@on(RequestAssigned)
def tell_of_assignment(event: RequestAssigned, entry: Activity) -> None:
    """Whoever has it now."""
    now, request = clock.now(), find(event.request_id)
    if event.person_id is None and event.way and request.is_open and request.assignee_id is None:
        tell(request, _came_back(event, entry, request), recipients.answering(request, now), but=event.from_id, now=now)
    if event.person_id is None or request.assignee_id != event.person_id:
        return
    text = given(event, entry, request)
    if not event.way:
        sharing.watch(request, event.person_id, now=now)
    tell(request, News("desk.assigned", str(entry.id), text), [Recipient(event.person_id, "yours")], but=entry.actor_id, now=now)


def given(event: RequestAssigned, entry: Activity, request: Request) -> Sentence:
    """By whom, or by which way, somebody got it."""
    if event.way == "turn":
        return say("It is your turn: %(request)s", request=called(request))
    if event.way == "least":
        return say("You have the least open requests, so this one is yours: %(request)s", request=called(request))
    return say("%(name)s gave you %(request)s.", name=first_name(entry.actor_id), request=called(request))


def _came_back(event: RequestAssigned, entry: Activity, request: Request) -> News:
    name = first_name(event.from_id)
    away = say("%(name)s is away, so this is back in the queue: %(request)s", name=name, request=called(request))
    idle = say("Nothing happened for a working day, so this is back in the queue: %(request)s", request=called(request))
    return News("desk.new", str(entry.id), away if event.way == "away" else idle)


@on(AbsencePlanned)
def look_at_what_is_left(event: AbsencePlanned, entry: Activity) -> None:
    """What somebody was given and has not answered may have to go back before they go."""
    sharing.look_soon(event.person_id, now=clock.now())


@on(RequestTransferred)
def tell_of_transfer(event: RequestTransferred, entry: Activity) -> None:
    """The requester's side, and those on duty where it arrives; whoever is next there gets it."""
    now, request = clock.now(), find(event.request_id)
    sharing.share_out(request, now=now)
    there = department_name(event.to_department_id)
    text = say("%(department)s has %(request)s now.", department=there, request=called(request))
    excerpt = "" if request.is_confidential else event.reason
    tell(request, News("desk.transferred", str(entry.id), text, excerpt), recipients.requesters(request), but=entry.actor_id, now=now)
    if request.department_id == event.to_department_id and request.is_open:
        text = say("%(name)s handed over %(request)s to %(department)s.", name=first_name(entry.actor_id), request=called(request), department=there)
        tell(request, News("desk.transferred", f"{entry.id}-there", text, excerpt), recipients.answering(request, now), but=entry.actor_id, now=now)


@on(RequestReopened)
def tell_of_return(event: RequestReopened, entry: Activity) -> None:
    """Whoever answers: it did not work, or more came up."""
    now, request = clock.now(), find(event.request_id)
    told = {
        "not_solved": say("%(name)s says it did not work: %(request)s", name=first_name(event.by_id), request=called(request)),
        "partly": say("%(name)s says it works partly: %(request)s", name=first_name(event.by_id), request=called(request)),
    }
    text = told.get(event.reason, say("%(name)s comes back to %(request)s.", name=first_name(event.by_id), request=called(request)))
    tell(request, News("desk.reopened", str(entry.id), text), recipients.answering(request, now), but=event.by_id, now=now)


@on(RequestConfirmed)
def tell_of_confirmation(event: RequestConfirmed, entry: Activity) -> None:
    """Whoever answers, when a workaround is not enough; a yes is no news that needs anybody."""
    now, request = clock.now(), find(event.request_id)
    if event.answer == "yes" or not request.is_open:
        return
    text = say("%(name)s needs more than the workaround: %(request)s", name=first_name(entry.actor_id), request=called(request))
    tell(request, News("desk.reopened", str(entry.id), text), recipients.answering(request, now), but=entry.actor_id, now=now)


@on(RequestCancelled)
def tell_of_cancelling(event: RequestCancelled, entry: Activity) -> None:
    """Whoever works on it, and the others of the requester's side."""
    now, request = clock.now(), find(event.request_id)
    workers = [Recipient(request.assignee_id, "yours")] if request.assignee_id else []
    asked = entry.actor_id in (request.requester_id, request.filed_by_id)
    called_so = {"name": first_name(entry.actor_id), "request": called(request)}
    text = say("%(name)s no longer needs %(request)s.", **called_so) if asked else say("%(name)s ended %(request)s: it is no longer needed.", **called_so)
    news = News("desk.cancelled", str(entry.id), text, excerpt=event.reason)
    tell(request, news, [*workers, *recipients.requesters(request)], but=entry.actor_id, now=now)


@on(ParticipantAdded)
def tell_of_following(event: ParticipantAdded, entry: Activity) -> None:
    """Whoever follows from now on."""
    now, request = clock.now(), find(event.request_id)
    text = say("%(name)s lets you follow %(request)s.", name=first_name(entry.actor_id), request=called(request))
    tell(request, News("desk.joined", str(entry.id), text), [Recipient(event.person_id, "follows")], but=entry.actor_id, now=now)


@on(ClockWarned)
def tell_of_warning(event: ClockWarned, entry: Activity) -> None:
    """Whose turn it is, and those above them as the time runs out (R17); warnings of an hour come as one mail."""
    now, request = clock.now(), find(event.request_id)
    if not request.is_open:
        return
    news = News("desk.warned", f"{event.clock}:{event.cycle}:{event.threshold}", warning(event, request), bundle="hour")
    tell(request, news, recipients.warned(request, event.threshold, now), but=None, now=now)


WARNINGS = {
    "first_response": (say("First answer by %(due)s: %(request)s"), say("The first answer is late, it was promised by %(due)s: %(request)s")),
    "next_response": (say("An answer is due by %(due)s: %(request)s"), say("An answer is late, it was promised by %(due)s: %(request)s")),
    "promise": (say("The next step is due by %(due)s: %(request)s"), say("The next step is late, it was promised by %(due)s: %(request)s")),
    "resolution": (say("To be solved by %(due)s: %(request)s"), say("Not solved in time, it was promised by %(due)s: %(request)s")),
}


def warning(event: ClockWarned, request: Request) -> Sentence:
    """What runs out, and when; late from the due instant on."""
    soon, late = WARNINGS[event.clock]
    chosen = late if event.threshold >= 100 else soon
    return Sentence(chosen.text, {"due": datetime.fromisoformat(event.due), "request": called(request)})
