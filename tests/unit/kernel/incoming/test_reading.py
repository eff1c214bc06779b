"""Mail of every kind is read as a person would read it, and nothing that comes raises or takes long."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.incoming.reading import Automatic, Reading, read
from tests.support.mail_corpus import Sample, corpus, differences, thousand

SAMPLES = corpus()


@pytest.mark.parametrize("sample", SAMPLES, ids=[sample.name for sample in SAMPLES])
def test_each_kind_is_read_as_meant(sample: Sample) -> None:
    """Sender, subject, the writer's own words, files, and whether a machine wrote it."""
    assert differences(read(sample.raw), sample.expect) == {}


def test_the_corpus_has_sixty_kinds_and_each_its_own_name() -> None:
    """A name says which kind failed."""
    assert len(SAMPLES) >= 60
    assert len({sample.name for sample in SAMPLES}) == len(SAMPLES)


def test_a_thousand_odd_mails_are_read() -> None:
    """Each as meant, and none slower than half a second."""
    wrong, slowest = {}, 0.0
    for sample in thousand(7):
        begun = time.perf_counter()
        found = read(sample.raw)
        slowest = max(slowest, time.perf_counter() - begun)
        if different := differences(found, sample.expect):
            wrong[sample.name] = different
    assert wrong == {}
    assert slowest < 0.5


def test_the_thousand_are_the_same_for_the_same_seed() -> None:
    """So that a failure can be repeated."""
    assert [sample.raw for sample in thousand(3)] == [sample.raw for sample in thousand(3)]


def sound(found: Reading) -> None:
    """What holds for every reading."""
    for words in (found.subject, found.sender.name, *(part.name for part in found.attachments)):
        assert "\n" not in words
        assert "\x00" not in words
    for part in found.attachments:
        assert part.name
        assert "/" not in part.name
        assert "\\" not in part.name
        assert len(part.name) <= 200
    assert not set(found.text) & {"\r", "\x00", "\x1b", "\x7f"}
    found.text.encode("utf-8")
    found.reply_text.encode("utf-8")
    assert len(found.text) <= 500_000
    assert len(found.to) <= 500
    assert found.date is None or found.date.tzinfo is not None


@given(st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_read(raw: bytes) -> None:
    """Nothing raises."""
    sound(read(raw))


@given(st.sampled_from(SAMPLES), st.data())
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_damaged_mail_is_read(sample: Sample, data: st.DataObject) -> None:
    """Mail with a hole, strange bytes inside, or an early end."""
    at = data.draw(st.integers(0, len(sample.raw)))
    end = data.draw(st.integers(at, min(len(sample.raw), at + 200)))
    sound(read(sample.raw[:at] + data.draw(st.binary(max_size=40)) + sample.raw[end:]))


@given(st.text(alphabet=st.sampled_from('=?utf-8QqBb_ <>@,;:"()\\a\n\r\t\x00é\udc80'), max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_header_is_read(value: str) -> None:
    """Every header reader takes whatever stands there."""
    raw = value.encode("utf-8", "surrogateescape")
    names = (b"From", b"To", b"Subject", b"Date", b"Message-ID", b"References", b"Content-Type", b"Content-Disposition", b"Return-Path", b"Auto-Submitted")
    sound(read(b"".join(name + b": " + raw + b"\n" for name in names) + b"\nwords"))


BOMBS = {
    "a thousand levels": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level) for level in range(1000)) + b"words",
    "a thousand mails in mails": b"Content-Type: message/rfc822\n\n" * 1000 + b"words",
    "twenty megabytes of words": b"From: a@example.org\n\n" + b"word word\n" * 2_000_000,
    "twenty megabytes on a line": b"From: a@example.org\n\n" + b"a" * 20_000_000,
    "twenty megabytes of empty lines": b"From: a@example.org\n\n" + b"\n" * 20_000_000,
    "two hundred thousand parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 200_000,
    "half a million headers": b"X-A: b\n" * 500_000 + b"\nwords",
    "a million brackets": b"To: " + b"(" * 1_000_000 + b"\n\nwords",
    "a hundred thousand open tags": b"Content-Type: text/html\n\n" + b"<div>" * 100_000,
    "a million ampersands": b"Content-Type: text/html\n\n" + b"&" * 1_000_000,
    "a hundred thousand open comments": b"Content-Type: text/html\n\n" + b"<!--" * 100_000,
    "attributions without an end": b"From: a@example.org\n\n" + b"Am schrieb " * 10_000,
    "attributions on short lines": b"From: a@example.org\n\nWords\n"
    + b"Am 1 schrieb Am 1 schrieb Am 1 schrieb Am 1 schrieb Am 1 schrieb Am 1 schrieb:\n" * 2_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_read_in_bounded_time(name: str) -> None:
    """Linear work, whatever comes; the limit leaves room for a busy machine."""
    begun = time.perf_counter()
    sound(read(BOMBS[name]))
    assert time.perf_counter() - begun < 5


def test_a_large_file_comes_out_whole() -> None:
    """Its base64 is taken past the parser and put back byte for byte."""
    from base64 import encodebytes

    content = bytes(range(256)) * 20_000
    raw = b'From: a@example.org\nContent-Type: application/pdf; name="a.pdf"\nContent-Transfer-Encoding: base64\n\n' + encodebytes(content)
    assert read(raw).attachments[0].content == content
    assert read(raw.replace(b"\n", b"\r\n")).attachments[0].content == content


def test_which_failures_are_hard_and_which_are_rules() -> None:
    """Unknown and disabled addresses are dead; 5.7 is somebody's policy and says nothing about the person; a delay is neither."""
    by_name = {sample.name: read(sample.raw).failures[0] for sample in SAMPLES if sample.expect.get("failures")}
    assert by_name["report, unknown person"].hard
    assert by_name["an office in the cloud"].hard
    assert by_name["report of a policy"].policy
    assert not by_name["report of a policy"].hard
    assert not by_name["report of a full mail box"].hard
    assert not by_name["report of a delay"].hard
    assert by_name["report, unknown person"].original_ids == ("<out.7@marlow-cycles.example>",)


def test_every_verdict_but_a_person_says_why() -> None:
    """The operator reads by which sign a mail was taken for a machine's."""
    for sample in SAMPLES:
        found = read(sample.raw)
        assert bool(found.automatic_why) is (found.automatic is not Automatic.NO), sample.name
