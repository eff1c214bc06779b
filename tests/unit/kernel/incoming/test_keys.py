"""A mail is known again in every form it is handed on in, and no other is taken for it."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from portal.desk.cli import _mails
from portal.kernel.incoming.keys import key_of, keys_of

LINE = st.one_of(
    st.sampled_from([b"", b"From the desk of Mara", b">From here", b">>From there", b"From: x", b".", b"-- ", b"word \xff word"]),
    st.binary(max_size=20).map(lambda text: text.replace(b"\r", b"").replace(b"\n", b"")),
)
MAIL = st.lists(LINE, max_size=12).map(lambda lines: b"Subject: Door\n\n" + b"\n".join(lines))


def boxed(raw: bytes, number: int) -> bytes:
    """A mail as an mbox holds it."""
    quoted = b"\n".join(b">" + line if line.lstrip(b">").startswith(b"From ") else line for line in raw.split(b"\n"))
    return b"From mara@marlow.example Tue Nov 24 09:%02d:00 2026\n" % number + quoted.rstrip(b"\n") + b"\n\n"


@given(MAIL)
def test_every_form_has_the_same_key(raw: bytes) -> None:
    """Line ends of the network or of a file, with or without a last one, alone or in an mbox."""
    plain = raw.rstrip(b"\n")
    forms = [raw, raw.replace(b"\n", b"\r\n"), plain + b"\n", plain + b"\r\n", boxed(raw, 1), boxed(raw, 2).replace(b"\n", b"\r\n")]
    assert {key_of(form) for form in forms} == {key_of(raw)}
    assert len(key_of(raw)) == len("sha256:") + 64


@given(MAIL, MAIL)
def test_an_mbox_gives_the_mails_their_keys(one: bytes, other: bytes) -> None:
    """Taken in from a box or each from a file of its own: the same mails."""
    found = list(_mails(boxed(one, 1) + boxed(other, 2)))
    assert [key_of(raw) for raw in found] == [key_of(one), key_of(other)]


def test_a_sentence_between_two_paragraphs_parts_no_mail() -> None:
    """Mail servers put the line of a box above what they hand to a command, and leave the text as it is."""
    raw = b"Subject: Door\n\nHello,\n\nFrom the desk of Mara:\nit does not close.\n"
    for form in (raw, raw.replace(b"\n", b"\r\n")):
        assert [key_of(one) for one in _mails(b"From mara@marlow.example Tue Nov 24\n" + form)] == [key_of(raw)]


@given(MAIL, MAIL)
def test_other_words_are_another_mail(one: bytes, other: bytes) -> None:
    """Only quoting, line ends and empty lines at the end make no difference."""
    if one.replace(b">", b"").rstrip(b"\n") != other.replace(b">", b"").rstrip(b"\n"):
        assert key_of(one) != key_of(other)


def test_mails_of_earlier_versions_are_known() -> None:
    """Their key was that of the very bytes, or of all but quotes and line ends."""
    raw = b"Message-ID: <a@b>\r\nReceived: from a\r\nSubject: Door\r\n\r\nIt does not close.\r\n"
    key, *earlier = keys_of(raw)
    plain = raw.replace(b"\r\n", b"\n").rstrip(b"\n")
    assert (key, earlier) == (key_of(raw), [f"sha256:{hashlib.sha256(one).hexdigest()}" for one in (plain, raw)])
    assert len(set(keys_of(raw))) == 3


def arrived(address: str, *, name: str = "<a1@mua.example>", says: str = "Subject: Door\n\nIt does not close.", also: str = "") -> bytes:
    """A mail as it came by one of its addresses, with the lines of the servers on its way."""
    way = f"Return-Path: <mara@marlow.example>\nDelivered-To: {address}\nReceived: from relay\n\tby box for <{address}>\nX-Spam-Score: {len(address)}\n"
    return f"{way}{also}Message-ID: {name}\nFrom: mara@marlow.example\n{says}\n".encode()


def test_a_mail_to_two_addresses_is_one() -> None:
    """What servers wrote above it makes no difference; words, a name of another or none, and the headers of a list do."""
    one = key_of(arrived("it@marlow.example"))
    assert key_of(arrived("facilities@marlow.example")) == one
    others = [
        arrived("facilities@marlow.example", says="Subject: Door\n\nIt does not open."),
        arrived("facilities@marlow.example", says="Subject: Window\n\nIt does not close."),
        arrived("facilities@marlow.example", name="<a2@mua.example>"),
        arrived("facilities@marlow.example", also="List-Id: <all.marlow.example>\n"),
        arrived("facilities@marlow.example", also="Auto-Submitted: auto-replied\n"),
    ]
    assert len({one, *(key_of(other) for other in others)}) == 6
    assert key_of(arrived("it@marlow.example", name="")) != key_of(arrived("facilities@marlow.example", name=""))


def test_a_word_of_the_way_in_the_text_counts() -> None:
    """Only headers are left out."""
    assert key_of(arrived("a@x", says="Subject: x\n\nReceived: yes")) != key_of(arrived("a@x", says="Subject: x\n\nReceived: no"))
