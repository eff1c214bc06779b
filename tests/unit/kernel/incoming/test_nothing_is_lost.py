"""What people write in a mail is kept, also where it looks like what programs add; and older mails are cut off in more ways of writing."""

import base64

import pytest

from portal.kernel.incoming.reading import Automatic, read

HEAD = "From: Mara Lindt <mara@marlow.example>\nSubject: {subject}\nContent-Type: {kind}\n\n"


def mail(text: str, *, subject: str = "The printer", kind: str = "text/plain; charset=utf-8") -> bytes:
    """A plain mail."""
    return HEAD.format(subject=subject, kind=kind).encode() + text.encode()


KEPT = {
    "words below an older mail without marks": (
        "-----Original Message-----\nFrom: Hearth <h@marlow.example>\nSent: Monday\nTo: Mara\nSubject: x\n\nWhich floor?\n\nThe second.\n",
        "The second.",
    ),
    "a sentence that speaks of sending": ("The parcel was\nsent from my desk on Monday.\nPlease look.\n", "sent from my desk on Monday.\nPlease look."),
    "words below the line of a telephone": ("It works.\n\nSent from my iPhone\n\nPS: the door does not.\n", "PS: the door does not."),
    "a warning of one's own": ("The lift is broken.\n\nCaution: it hurt Tom today.\nPlease block it.\n", "Please block it."),
    "a word that notices begin with": ("Two questions.\n\nDisclaimer text on our page is wrong.\n\nWho changes it?\n", "Who changes it?"),
    "a list of people": ("Rights:\n\nAnna <anna@marlow.example>:\nread\n\n2 Tom <tom@marlow.example>:\nwrite\n", "write"),
    "a journey": ("Trips:\n\nFrom: Berlin\nTo: Oslo\nDate: 3 May\n\nPlease book.\n", "Please book."),
    "what a customer wrote": ("Hello,\n\nOn 3 May 2026 at 14:00 the customer wrote:\n\nPlease deliver.\n\nWhat now?\n", "What now?"),
    "what they wrote in German": ("Hallo,\n\nam 3.5.2026 um 14:00 schrieb mir der Kunde folgendes:\n\nBitte liefern.\n\nWas tun?\n", "Was tun?"),
    "a meeting": ("Hello,\n\nOn 3 May at 14:00 we meet Tom <tom@marlow.example>:\n\n- hiring\n", "- hiring"),
    "parts between rules": ("First part.\n\n—\n\nSecond part: order three.\n", "Second part: order three."),
}
CUT = {
    "Romanian": "De la: Bo <bo@example.org>\nTrimis: luni\nCătre: Mara\nSubiect: Re: x",
    "Russian": "От: Bo <bo@example.org>\nОтправлено: 2 ноября\nКому: Mara\nТема: Re: x",
    "Ukrainian": "Від: Bo <bo@example.org>\nНадіслано: 2 листопада\nКому: Mara\nТема: Re: x",
    "Greek": "Από: Bo <bo@example.org>\nΣτάλθηκε: Δευτέρα\nΠρος: Mara\nΘέμα: Re: x",
    "Korean": "보낸 사람: Bo <bo@example.org>\n보낸 날짜: 2026년 11월 2일\n받는 사람: Mara\n제목: Re: x",
    "Slovak": "Od: Bo <bo@example.org>\nOdoslané: pondelok\nKomu: Mara\nPredmet: Re: x",
    "Hebrew": "מאת: Bo <bo@example.org>\nנשלח: יום שני\nאל: Mara\nנושא: Re: x",
    "the day first": 'Gesendet: Montag, 2. November 2026 um 09:10 Uhr\nVon: "Bo" <bo@example.org>\nAn: Mara\nBetreff: Re: x',
    "Dutch, telephone": "Op 2 nov 2026, om 09:10 heeft Bo <bo@example.org> het volgende geschreven:",
    "Polish, telephone": "Wiadomość napisana przez Bo <bo@example.org> w dniu 02.11.2026, o godz. 09:10:",
    "Romanian, one line": "În lun., 2 nov. 2026 la 09:10, Bo <bo@example.org> a scris:",
    "Russian, one line": "2 нояб. 2026 г., в 09:10, Bo <bo@example.org> написал(а):",
    "Greek, one line": "Στις Δευ 2 Νοε 2026 στις 9:10 π.μ., ο/η Bo <bo@example.org> έγραψε:",
}
PEOPLE = (
    "Abwesenheit",
    "Abwesenheit: 24. bis 26. November",
    "Out of office",
    "Fravær",
    "Frånvaro",
    "Ausência",
    "Poissaolo",
    "Absence du bureau: comment faire ?",
)
MACHINES = (
    "Автоматический ответ: x",
    "自动答复: x",
    "자동 회신: x",
    "Răspuns automat: x",
    "Out of Office AutoReply: x",
    "AUTO: Bo Berg is out of the office (back Monday)",
)


@pytest.mark.parametrize("name", KEPT)
def test_words_of_the_writer_stay(name: str) -> None:
    """Losing a quote mark is nothing, losing a sentence is."""
    text, words = KEPT[name]
    assert words in read(mail(text)).reply_text


@pytest.mark.parametrize("name", CUT)
def test_older_mail_goes_in_every_language(name: str) -> None:
    """Of what Outlook, telephones and portals of the web write above it, nothing stays either."""
    assert read(mail(f"My own words.\n\n{CUT[name]}\n\nOlder words.\n")).reply_text == "My own words."


@pytest.mark.parametrize("subject", PEOPLE)
def test_who_tells_of_an_absence_is_no_machine(subject: str) -> None:
    """Such mail goes to HR every day; with the signs of a machine it is one."""
    assert read(mail("From Tuesday on.", subject=subject)).automatic is Automatic.NO
    assert read(b"Return-Path: <>\n" + mail("From Tuesday on.", subject=subject)).automatic is Automatic.REPLY


@pytest.mark.parametrize("subject", MACHINES)
def test_machines_are_known_by_what_no_person_writes(subject: str) -> None:
    """Also where a gateway took every header away."""
    assert read(mail("I am away.", subject=subject)).automatic is Automatic.REPLY


def test_words_sixty_boundaries_deep_are_found() -> None:
    """Every forward of a forward adds one."""
    body = "Content-Type: text/plain\n\nDeep words.\n"
    for level in range(60):
        body = f"Content-Type: multipart/mixed; boundary=n{level}\n\n--n{level}\n{body}--n{level}--\n"
    assert read(f"From: mara@marlow.example\nSubject: x\n{body}".encode()).reply_text == "Deep words."


@pytest.mark.parametrize(
    "heavy", ['<img src="data:image/png;base64,' + "QUFB" * 250_000 + '">', f"<style>{'a{color:red}' * 70_000}</style>", f"<!--{'x' * 900_000}-->"]
)
def test_words_behind_a_heavy_picture_are_found(heavy: str) -> None:
    """A pasted picture or a style sheet of a word processor is larger than all that is read."""
    found = read(mail(f"{heavy}<p>It still fails.</p>", kind="text/html"))
    assert found.reply_text == "It still fails."


def test_a_signature_in_html_is_cut() -> None:
    """Its mark ends with a blank, which is easily lost between tags."""
    assert read(mail("<div>It fails.</div><div>-- <br></div><div>Mara</div>", kind="text/html")).reply_text == "It fails."


def test_hidden_words_are_not_read() -> None:
    """What nobody sees is no part of a request."""
    assert read(mail('<p>Seen</p><p style="opacity:0">hidden</p><p style="opacity:0.8">pale</p>', kind="text/html")).reply_text.split() == ["Seen", "pale"]


def test_letters_that_call_themselves_utf_8_are_read() -> None:
    """Old programs say UTF-8 and mean Windows-1252; a single broken letter changes nothing for the others."""
    head = HEAD.format(subject="x", kind="text/plain; charset=utf-8").encode()
    assert read(head + "Grüße".encode("cp1252")).reply_text == "Grüße"
    assert read(head + "Grüße für alle ".encode() + b"\xfc").reply_text == "Grüße für alle �"


def test_a_space_behind_the_coding_changes_nothing() -> None:
    """Gateways write it, and add their own lines below."""
    wrapped = base64.b64encode("Grüße".encode()).decode()
    raw = f"From: mara@marlow.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: Base64 \n\n{wrapped}\n"
    assert read(raw.encode()).reply_text == "Grüße"


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbfFrom: mara@marlow.example\nSubject: x\n\nhi", b"From : mara@marlow.example\nSubject : x\n\nhi"])
def test_headers_are_read_behind_marks_and_blanks(raw: bytes) -> None:
    """Editors save a mark at the beginning, old programs write a blank before the colon."""
    found = read(raw)
    assert (found.sender.address, found.subject, found.reply_text) == ("mara@marlow.example", "x", "hi")


def test_the_better_of_two_names_counts() -> None:
    """The one that names its character set."""
    head = "Content-Disposition: attachment; filename=\"Gru.pdf\"; filename*=UTF-8''Gr%C3%BC.pdf"
    raw = f"From: mara@marlow.example\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/pdf\n{head}\n\nx\n--b--\n"
    assert [part.name for part in read(raw.encode()).attachments] == ["Grü.pdf"]


def test_the_address_of_a_server_is_no_code() -> None:
    """2.3.4 in [1.2.3.4] says nothing about a mailbox, and neither does 5.1.1 in 5.1.1.2."""
    text = "The following address failed:\n\n  bo@example.org\n    host mx [1.2.3.4]: 550 5.1.1 User unknown\n"
    found = read(b"X-Failed-Recipients: bo@example.org\n" + mail(text, subject="Mail delivery failed"))
    assert [failure.status for failure in found.failures] == ["5.1.1"]
    blocked = read(b"X-Failed-Recipients: bo@example.org\n" + mail("host [5.1.1.2] said: 554 5.7.1 blocked", subject="Mail delivery failed"))
    assert [failure.status for failure in blocked.failures] == ["5.7.1"]
