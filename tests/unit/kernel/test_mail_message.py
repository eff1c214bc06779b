"""Mail on the wire: exactly the intended recipient and headers, whatever is in names, subjects and texts."""

import email
import re
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from portal.kernel.errors import Refusal
from portal.kernel.mail_message import Letter, Voice, address, checked_headers, checked_id, compose, one_line
from portal.kernel.settings import Settings

SETTINGS = Settings(company="Marlow Cycles", mail_from="hearth@marlow.example", base_url="https://hearth.marlow.example")
AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
LONG_ID = f"<{'a' * 120}@{'b' * 60}.example>"


def letter(**changes: object) -> Letter:
    values: dict[str, object] = {
        "message_id": "<request.4127@marlow.example>",
        "to": "mara@marlow.example",
        "to_name": "Mara Klein",
        "subject": "Radiator stays cold",
        "text": "Jonas is on it.\n",
        "html": "<p>Jonas is on it.</p>",
        "created_at": AT,
    }
    return Letter(**(values | changes))  # type: ignore[arg-type]  # a test's shorthand


def sent(**changes: object) -> EmailMessage:
    wire = compose(letter(**changes), SETTINGS).as_bytes()
    assert b"\x00" not in wire
    assert all(len(line) <= 998 for line in wire.split(b"\r\n"))
    assert wire.isascii()
    parsed = email.message_from_bytes(wire, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def content(part: EmailMessage) -> str:
    return str(part.get_content()).replace("\r\n", "\n")


HEADERS = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Content-Type"]


def test_a_mail_has_both_forms_and_says_that_a_program_wrote_it() -> None:
    """Text first, HTML as the alternative, the company as the sender, the moment of the change as the date."""
    mail = sent()
    assert mail["From"] == "Marlow Cycles <hearth@marlow.example>"
    assert mail["To"] == "Mara Klein <mara@marlow.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == AT
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), content(text)) == ("text/plain", "Jonas is on it.\n")
    assert (html.get_content_type(), content(html)) == ("text/html", "<p>Jonas is on it.</p>\n")


@pytest.mark.parametrize(
    ("voice", "automatic", "suppressed"),
    [
        (Voice.PORTAL, "auto-generated", "All"),
        (Voice.NOTICE, "auto-generated", "OOF"),
        (Voice.PERSON, None, "OOF"),
        (Voice.RECEIPT, "auto-replied", "All"),
    ],
)
def test_a_mail_says_whether_a_person_wrote_it(voice: Voice, automatic: str | None, suppressed: str) -> None:
    """RFC 3834: what a person wrote has no such header at all; nobody's holiday note answers any of them."""
    mail = sent(voice=voice)
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == (automatic, suppressed)
    assert "Precedence" not in mail


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("Mara Lindqvist, IT", "it@marlow.example", '"Mara Lindqvist, IT" <it@marlow.example>'),
        ("Mara Lindqvist, IT", "it@elsewhere.example", '"Mara Lindqvist, IT" <hearth@marlow.example>'),
        ("Mara Lindqvist, IT", None, '"Mara Lindqvist, IT" <hearth@marlow.example>'),
        (None, None, "Marlow Cycles <hearth@marlow.example>"),
        ("Zoë Østergård, Räder", "it@marlow.example", '"Zoë Østergård, Räder" <it@marlow.example>'),
    ],
)
def test_a_person_writes_in_their_name_from_our_domain(name: str | None, address: str | None, expected: str) -> None:
    """With the department, at its address when that is ours; another domain would not be believed at the other end."""
    assert str(sent(from_name=name, from_address=address)["From"]) == expected


@pytest.mark.parametrize(
    "name",
    ["Mara\r\nBcc: leo@x.example", "Müller, Jörg <leo@marlow.example>", "Ünü" * 400, "x" * 5000, "=?utf-8?q?=0ABcc=3A_leo?=", "🚲" * 120, "\ud800", "a@b, c@d"],
)
def test_no_name_of_a_writer_adds_a_sender_or_a_header(name: str) -> None:
    """One mailbox, ours, and the known headers, whatever somebody is called."""
    mail = sent(from_name=name, from_address="it@marlow.example")
    assert [one.addr_spec for one in mail["From"].addresses] == ["it@marlow.example"]
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert len(mail["From"].addresses[0].display_name.replace(" ", "")) <= 100


@given(st.text(max_size=200))
@example("ä, b" * 30)
def test_no_writer_at_all_does(name: str) -> None:
    """The same for whatever a person may be called."""
    mail = sent(from_name=name or None, from_address="it@marlow.example")
    assert [one.addr_spec for one in mail["From"].addresses] == ["it@marlow.example"]
    assert sorted(mail.keys()) == sorted(HEADERS)


def test_from_one_plain_mailbox_nothing_else_is_used() -> None:
    """Some mailboxes may write as nobody else: the name is still the writer's."""
    wire = compose(letter(from_name="Mara, IT", from_address="it@marlow.example"), replace(SETTINGS, mail_plain=True)).as_bytes()
    assert b'From: "Mara, IT" <hearth@marlow.example>' in wire


def test_the_same_letter_twice_is_recognised_as_the_same() -> None:
    """A copy after a crash carries the same id, date and thread."""
    first, second = sent(references=["<a@b.example>"]), sent(references=["<a@b.example>"])
    assert [(name, first[name]) for name in first if name != "Content-Type"] == [(name, second[name]) for name in second if name != "Content-Type"]


def test_threads_hold_however_long_the_ids_are() -> None:
    """Ids stand as they are on lines of their own, never as encoded words."""
    wire = compose(letter(message_id=LONG_ID, in_reply_to=LONG_ID, references=[LONG_ID] * 30), SETTINGS).as_bytes().decode()
    assert f"\r\nMessage-ID: {LONG_ID}\r\n" in wire
    assert f"\r\nIn-Reply-To: {LONG_ID}\r\n" in wire
    assert "=?" not in wire
    assert email.message_from_string(wire, policy=policy.default)["References"].split() == [LONG_ID] * 30


NASTY = [
    "Mara\r\nBcc: leo@marlow.example",
    "Mara\nX: y",
    "Mara\x00Klein",
    "Klein, Mara <leo@marlow.example>",
    "Müller, Jörg <leo@marlow.example>",
    "Jörg, leo@marlow.example; tom@marlow.example",
    '"Mara" (IT) \\',
    "Ünü" * 400,
    "x" * 5000,
    "\u202eenil\u202c",
    "Mara =?utf-8?q?=0ABcc=3A_leo?=",
    "名前 名前, 名前",
    "\u2028line\u0085break",
    "",
    "   ",
    "\ud800",
    "a@b, c@d",
    "🚲" * 120,
]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_never_adds_a_recipient_or_a_header(name: str) -> None:
    """CR, LF, NUL, commas, other addresses, marks that turn the line: one recipient, the known headers."""
    mail = sent(to_name=name)
    assert [one.addr_spec for one in mail["To"].addresses] == ["mara@marlow.example"]
    assert sorted(mail.keys()) == sorted(HEADERS)


@given(st.text(max_size=200))
@example("ä, b" * 30)
@example('é"é, x@y')
def test_no_name_at_all_adds_one(name: str) -> None:
    """The same for whatever a person may be called."""
    mail = sent(to_name=name)
    assert [one.addr_spec for one in mail["To"].addresses] == ["mara@marlow.example"]
    assert sorted(mail.keys()) == sorted(HEADERS)


@pytest.mark.parametrize("name", ["Mara Klein", "O'Neil, Pat (IT)", "Jörg Müller", "Zoë van der Berg-Østergård", "名前", 'Pat "Paddy" Reed'])
def test_real_names_arrive(name: str) -> None:
    """What people are called is readable at the other end; only unsafe punctuation beside accents is left out."""
    found = sent(to_name=name)["To"].addresses[0].display_name
    assert found == (name if name.isascii() else re.sub(r'[()<>@,:;."]', " ", name))


@pytest.mark.parametrize("subject", NASTY)
def test_a_subject_is_one_line_and_no_header(subject: str) -> None:
    """A request's title goes into the subject as it was typed, minus what steers."""
    mail = sent(subject=subject)
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert len(mail["Subject"]) <= 200


@given(st.text(max_size=300))
@example("Mara =?utf-8?q?=0ABcc=3A_leo?=")
@example("=?utf-8?b?CkJjYzogbGVv?=")
@example("ö=?utf-8?q?=0ABcc=3A_leo@x.y?=")
@example("==??utf-8?q?=0A?=")
def test_every_subject_arrives_as_cleaned(subject: str) -> None:
    """Encoding and folding lose nothing."""
    mail = sent(subject=subject)
    assert sorted(mail.keys()) == sorted(HEADERS)
    assert str(mail["Subject"]).split() == one_line(subject, 200).split()


@given(st.text(max_size=2000))
def test_every_text_arrives(text: str) -> None:
    """Bodies come back letter by letter, with line feeds for all line ends and without NUL and half characters."""
    expected = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").encode("utf-8", "replace").decode()
    parts = [content(part) for part in sent(text=text, html=f"<p>{text}").iter_parts()]
    assert parts[0].rstrip("\n") == expected.rstrip("\n")
    assert parts[1].rstrip("\n") == f"<p>{expected}".rstrip("\n")


def test_long_lines_and_a_lone_dot_survive() -> None:
    """A pasted line of 5,000 characters is wrapped by the encoding, not cut."""
    text = "x" * 5000 + "\n.\nFrom here\n"
    assert content(next(sent(text=text).iter_parts())) == text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("mara@marlow.example", "mara@marlow.example"),
        (" Mara.Klein+hearth@Marlow.Example ", "Mara.Klein+hearth@marlow.example"),
        ("mara@bücher.example", "mara@xn--bcher-kva.example"),
        ("hearth@localhost", "hearth@localhost"),
        ("o'neil@marlow.example", "o'neil@marlow.example"),
    ],
)
def test_addresses_are_kept_in_one_form(typed: str, kept: str) -> None:
    """The domain in lower-case ASCII, the local part as its owner writes it."""
    assert address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "mara",
        "mara@",
        "@marlow.example",
        "mara@marlow..example",
        "mara@-marlow.example",
        "mara@marlow.example.",
        ".mara@marlow.example",
        "ma..ra@marlow.example",
        "mara klein@marlow.example",
        "mara@marlow.example, leo@marlow.example",
        "mara@marlow.example\r\nBcc: leo@marlow.example",
        "mara@marlow.example\x00",
        "mara@leo@marlow.example",
        '"mara"@marlow.example',
        "<mara@marlow.example>",
        "mära@marlow.example",
        "mara@[127.0.0.1]",
        "mara@" + "a" * 64 + ".example",
        "a" * 65 + "@marlow.example",
        "mara@" + "a." * 130 + "example",
        "x" * 5000,
        "mara@\ud800.example",
    ],
)
def test_what_is_no_address_is_refused(typed: str) -> None:
    """Every one of these would reach nobody or somebody else."""
    with pytest.raises(Refusal):
        address(typed)


@pytest.mark.parametrize("text", ["", "a@b", "<a>", "<a@b>\r\nX: y", "<a b@c>", "<ä@b>", "<a@b><c@d>", f"<{'a' * 500}@b>"])
def test_what_is_no_id_is_refused(text: str) -> None:
    """An id that comes from outside is repeated only when it is one."""
    with pytest.raises(ValueError, match="not a Message-ID"):
        checked_id(text)


@pytest.mark.parametrize(
    ("name", "value"), [("Bcc", "leo@marlow.example"), ("List-Id", "a\r\nBcc: x"), ("List-Id", "ä"), ("Reply-To", "x" * 1000), ("list-id", "x")]
)
def test_only_known_headers_on_one_line_are_added(name: str, value: str) -> None:
    """Nothing that decides who gets a mail can be added."""
    with pytest.raises(ValueError, match="cannot be sent"):
        checked_headers({name: value})
    assert sent(headers={"List-Id": "Requests <requests.marlow.example>"})["List-Id"] == "Requests <requests.marlow.example>"
