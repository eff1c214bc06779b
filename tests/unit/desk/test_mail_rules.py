"""What becomes of a mail, decided over every combination of what may be known about it."""

from dataclasses import replace
from itertools import product

import pytest

from portal.desk.mail_rules import Act, MailFacts, Side, Thread, Way, as_note, decide, number_in, title_of
from portal.desk.rules import TITLE_LIMIT

THREADS = [
    Thread(7, way, addressee, side, confidential, takes, proof)
    for way, addressee, side, confidential, takes, proof in product(Way, (None, 1, 2), Side, (False, True), (False, True), (False, True))
]
ALL = [
    MailFacts(why, own, sender, forward, words, place, thread, vouched)
    for why, own, sender, forward, words, place, thread, vouched in product(
        ("", "out of office"), (False, True), (None, 1), (False, True), (False, True), (False, True), (None, *THREADS), (None, True, False)
    )
]
KNOWN = MailFacts(sender_id=1)


def test_machines_and_our_own_addresses_are_always_ignored() -> None:
    """Whatever they answer and wherever they go; nobody else is ignored."""
    for facts in ALL:
        assert (decide(facts)[0] is Act.IGNORE) == bool(facts.automatic_why or facts.is_own), facts


def test_only_somebody_known_opens_or_continues_and_every_decision_has_a_reason() -> None:
    """From alone proves nothing: without a part in the request only the signed line of a mail that reached them lets somebody in."""
    for facts in ALL:
        act, reason = decide(facts)
        assert reason.endswith(".") or reason == "out of office"
        thread = facts.thread
        if act not in (Act.HOLD, Act.IGNORE):
            assert facts.sender_id is not None
            assert facts.has_words
        if act in (Act.WRITE, Act.ANSWER):
            assert thread
            assert thread.takes_words
            assert not facts.is_forward
            assert thread.side is (Side.ASKING if act is Act.WRITE else Side.SERVING)
            assert thread.is_proof or facts.vouched or act is Act.ANSWER, "From and a number that anybody can write are nobody's words"
            assert act is Act.WRITE or thread.addressee_id == facts.sender_id
        if act is Act.JOIN:
            assert thread
            assert thread.side is Side.NONE
            assert not thread.is_confidential
            assert thread.way is Way.TOKEN
            assert thread.addressee_id != facts.sender_id, "whom it was sent to had a part and has none any more"
        if act is Act.OPEN:
            assert facts.has_place
            assert facts.vouched is not False or facts.is_proven
            assert thread is None or facts.is_forward or not thread.takes_words
            assert thread is None or not thread.is_confidential, "what belongs to a confidential request opens nothing that a whole department reads"


@pytest.mark.parametrize(
    ("facts", "act"),
    [
        (KNOWN, Act.OPEN),
        (replace(KNOWN, has_place=False), Act.HOLD),
        (replace(KNOWN, has_words=False), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.SUBJECT, side=Side.ASKING)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.SUBJECT, side=Side.ASKING), vouched=True), Act.WRITE),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.ASKING)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.ASKING, is_proof=True)), Act.WRITE),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, addressee_id=1, side=Side.ASKING, is_proof=True), vouched=False), Act.WRITE),
        (replace(KNOWN, thread=Thread(7, Way.SUBJECT, side=Side.SERVING), vouched=True), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, addressee_id=1, side=Side.SERVING, is_proof=True)), Act.ANSWER),
        (replace(KNOWN, vouched=False), Act.HOLD),
        (replace(KNOWN, vouched=True), Act.OPEN),
        (replace(KNOWN, thread=Thread(7, Way.ADDRESS, addressee_id=1, side=Side.SERVING)), Act.ANSWER),
        (replace(KNOWN, thread=Thread(7, Way.TOKEN, addressee_id=1, side=Side.SERVING)), Act.ANSWER),
        (replace(KNOWN, thread=Thread(7, Way.ADDRESS, addressee_id=2, side=Side.SERVING)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.SERVING)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.SUBJECT, side=Side.SERVING)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.ADDRESS, addressee_id=2)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.TOKEN, addressee_id=2)), Act.JOIN),
        (replace(KNOWN, thread=Thread(7, Way.REPLY)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.TOKEN, addressee_id=2, is_confidential=True)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.ASKING, takes_words=False)), Act.OPEN),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.SERVING, takes_words=False)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.ASKING), is_forward=True), Act.OPEN),
        (replace(KNOWN, thread=Thread(7, Way.TOKEN, addressee_id=1)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.REPLY, side=Side.ASKING, is_confidential=True, takes_words=False)), Act.HOLD),
        (replace(KNOWN, thread=Thread(7, Way.SUBJECT, side=Side.ASKING, is_confidential=True), is_forward=True), Act.HOLD),
        (MailFacts(), Act.HOLD),
    ],
)
def test_the_decision_of_each_kind(facts: MailFacts, act: Act) -> None:
    """The plain cases, one by one."""
    assert decide(facts)[0] is act


def test_whoever_waits_for_proof_hears_of_it() -> None:
    """Only the requester's side, and only where nothing else keeps the mail back."""
    waiting = replace(KNOWN, thread=Thread(7, Way.SUBJECT, side=Side.ASKING))
    assert waiting.waits_for_proof
    for facts in ALL:
        if facts.waits_for_proof:
            assert facts.thread
            assert (facts.thread.side, facts.is_proven, facts.automatic_why, facts.is_own) == (Side.ASKING, False, "", False), facts


@pytest.mark.parametrize(
    ("subject", "text", "title"),
    [
        ("Re: AW: [R-12] Fwd: The door", "", "The door"),
        ("Regarding the door", "", "Regarding the door"),
        ("", "\n First line \nsecond", "First line"),
        ("Re:", "", ""),
        ("x" * 300, "", "x" * (TITLE_LIMIT - 1) + "…"),
    ],
)
def test_titles(subject: str, text: str, title: str) -> None:
    """Prefixes go, words stay."""
    assert title_of(subject, text) == title


@pytest.mark.parametrize(
    ("subject", "number"), [("Re: [R-12] Door", 12), ("[#7] x", 7), ("about #9", 9), ("2026 budget", None), ("Re: 4127 Radiator", 4127), ("", None)]
)
def test_the_number_a_subject_names(subject: str, number: int | None) -> None:
    """A number counts only when it is marked as one of ours, or stands where our own mails have it."""
    assert number_in(subject) == number


@pytest.mark.parametrize(("text", "note"), [("Note: spare key", "spare key"), ("team note: x\ny", "x\ny"), ("Noted: fine", None), ("a note: x", None)])
def test_words_for_the_team(text: str, note: str | None) -> None:
    """Only a first line that says so keeps an answer inside."""
    assert as_note(text) == note
