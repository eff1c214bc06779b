"""Uploads: names never become paths, endings and bytes agree, pictures lose what hides in them, space is counted."""

import contextlib
import io
import os
import re
import struct
import time
import unicodedata
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import Client

from portal.kernel import files
from portal.kernel.content_host import create_content_app, disposition
from portal.kernel.db import db
from portal.kernel.errors import PortalError, Refusal, TooLarge, WrongType
from portal.kernel.file_kinds import Kind
from portal.kernel.settings import Settings
from portal.kernel.unit_of_work import run, unit_of_work

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MARA, JONAS = 7, 8


def picture(form: str, size: tuple[int, int] = (40, 20), **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(buffer, format=form, **options)
    return buffer.getvalue()


def office(folder: str, *more: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("[Content_Types].xml", "_rels/.rels", f"{folder}/document.xml", *more):
            archive.writestr(name, "<x/>")
    return buffer.getvalue()


GOOD = {
    "offer.pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "radiator.png": picture("PNG"),
    "radiator.jpg": picture("JPEG"),
    "Radiator.JPEG": picture("JPEG"),
    "radiator.webp": picture("WEBP"),
    "notes.txt": "Cold since Monday, 14 °C\r\n".encode(),
    "old.txt": "caf\xe9".encode("latin-1"),
    "list.csv": b"a;b\n1;2\n",
    "letter.docx": office("word"),
    "sheet.xlsx": office("xl"),
    "talk.pptx": office("ppt"),
    "mail.eml": b"Return-Path: <x@y>\r\nFrom: x@y\r\nSubject: cold\r\n\r\nHello",
}


def put(content: bytes, name: str, owner: int | None = MARA, **options: Any) -> files.StoredFile:
    with unit_of_work():
        return files.store(io.BytesIO(content), name=name, owner_id=owner, now=NOW, **options)


def sentence(error: PortalError) -> str:
    """The English sentence; nobody reads it in a language here."""
    return error.message.text % error.message.params


def leftovers(settings: Settings) -> list[Path]:
    return list((settings.instance / "files" / "incoming").glob("*"))


@pytest.mark.parametrize("name", GOOD)
def test_what_may_be_attached_is_taken_and_comes_back(context: Flask, settings: Settings, name: str) -> None:
    """Each kind of the list, under its own name, in a folder by hash, with nothing left behind."""
    stored = put(GOOD[name], name)
    with files.read(stored) as content:
        found = content.read()
    assert stored.name == name
    assert len(found) == stored.size
    assert files.path(stored) == settings.instance / "files" / stored.digest[:2] / stored.digest[2:4] / stored.digest
    assert leftovers(settings) == []
    if not stored.mime.startswith("image/"):
        assert found == GOOD[name]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("page.html", b"<script>alert(1)</script>"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("photo.heic", b"\x00\x00\x00\x18ftypheic"),
        ("program.exe", b"MZ\x90\x00"),
        ("offer.pdf.exe", b"%PDF-1.7"),
        ("offer", b"%PDF-1.7"),
        ("pdf", b"%PDF-1.7"),
        ("offer.pdf", b"MZ\x90\x00"),
        ("offer.pdf", b" %PDF-1.7"),
        ("photo.png", picture("JPEG")),
        ("photo.jpg", b"\xff\xd8\xff<html>"),
        ("photo.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50),
        ("photo.png", GOOD["radiator.png"][:-60]),
        ("notes.txt", b"MZ\x90\x00\x03"),
        ("notes.txt", b"%PDF-1.4\nplain"),
        ("list.csv", GOOD["sheet.xlsx"]),
        ("letter.docx", office("xl")),
        ("letter.docx", office("word", "word/vbaProject.bin")),
        ("letter.docx", b"PK\x03\x04" + b"word/"),
        ("letter.docx", b"PK\x05\x06" + b"\x00" * 18),
        ("mail.eml", b"Hello, this is no mail\n\nFrom: x"),
        ("mail.eml", b"<html>From: x</html>"),
    ],
)
def test_what_is_not_what_it_says_is_refused(context: Flask, settings: Settings, name: str, content: bytes) -> None:
    """Ending and bytes must agree; the sentence names the file, and no byte stays."""
    with pytest.raises(WrongType) as refused:
        put(content, name)
    assert name in sentence(refused.value)
    assert leftovers(settings) == []
    assert db.session.scalar(sa.select(sa.func.count()).select_from(files.StoredFile)) == 0


def test_the_refusal_lists_what_is_taken(context: Flask) -> None:
    """A form that takes pictures only says so."""
    pictures = frozenset({Kind.PNG, Kind.JPG})
    assert put(GOOD["radiator.png"], "radiator.png", kinds=pictures)
    with pytest.raises(WrongType) as refused:
        put(GOOD["offer.pdf"], "offer.pdf", kinds=pictures)
    assert sentence(refused.value).endswith("png, jpg.")


def test_too_much_is_refused_with_the_limit_in_words(context: Flask, settings: Settings) -> None:
    """Exactly the limit passes, one byte more does not, and an endless stream is not read to its end."""

    class Endless(io.RawIOBase):
        read_so_far = 0

        def read(self, size: int = -1) -> bytes:
            self.read_so_far += size
            return b"a" * size

    assert put(b"a" * 2_000_000, "notes.txt", limit=2_000_000).size == 2_000_000
    with pytest.raises(TooLarge) as refused:
        put(b"a" * 2_000_001, "notes.txt", limit=2_000_000)
    assert "2 MB" in sentence(refused.value)
    endless = Endless()
    with pytest.raises(TooLarge) as refused:
        files.receive(endless, name="notes.txt")  # type: ignore[arg-type]  # read() is all that is used
    assert "25 MB" in sentence(refused.value)
    assert endless.read_so_far < 26_000_000
    assert leftovers(settings) == []


def test_an_empty_file_is_pointed_out(context: Flask) -> None:
    """A cloud drive that has not downloaded the file yet hands over nothing."""
    with pytest.raises(Refusal) as refused:
        put(b"", "notes.txt")
    assert "empty" in sentence(refused.value)


def test_a_photo_loses_its_place_and_what_was_hidden_and_stands_upright(context: Flask) -> None:
    """The place and name in a phone's photo, and a second file hidden behind the picture, are gone; the picture is turned."""
    exif = Image.Exif()
    exif[0x010E] = "Mara, canary-text"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 26.0)
    photo = picture("JPEG", exif=exif, comment=b"canary-text") + b"PK\x03\x04 canary-text"
    stored = put(photo, "radiator.jpg")
    with files.read(stored) as content:
        found = content.read()
    assert b"canary-text" not in found
    assert b"Exif" not in found
    assert Image.open(io.BytesIO(found)).size == (20, 40)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_moving_pictures_keep_their_first_frame_and_no_notes(context: Flask, form: str) -> None:
    """Text chunks and further frames do not survive."""
    frames = [Image.new("RGBA", (8, 8), color) for color in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, format=form, save_all=True, append_images=frames[1:], xmp=b"canary-text", icc_profile=b"canary-text" * 20)
    stored = put(buffer.getvalue(), f"moving.{form.lower()}")
    with files.read(stored) as content:
        found = content.read()
    assert b"canary-text" not in found
    with Image.open(io.BytesIO(found)) as kept:
        assert getattr(kept, "n_frames", 1) == 1
        assert kept.convert("RGB").getpixel((4, 4)) == pytest.approx((255, 0, 0), abs=6)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pictures_of_every_depth_are_taken(context: Flask, mode: str) -> None:
    """Screenshots with a palette and scans in one bit are pictures too."""
    buffer = io.BytesIO()
    Image.new(mode, (9, 7)).save(buffer, format="PNG")
    with Image.open(files.path(put(buffer.getvalue(), "scan.png"))) as kept:
        assert kept.size == (9, 7)
        assert kept.mode == mode


@pytest.mark.real_clock
def test_a_picture_that_unfolds_to_gigabytes_is_refused_unopened(context: Flask) -> None:
    """A PNG of 30,000 by 30,000 dots in a few kilobytes costs nobody's memory."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\x00" * 1_000_000)) + chunk(b"IEND", b"")
    begun = time.perf_counter()
    with pytest.raises(TooLarge) as refused:
        put(bomb, "bomb.png")
    assert "40 million" in sentence(refused.value)
    assert time.perf_counter() - begun < 1


HOSTILE = [
    "../../etc/passwd.txt",
    "..\\..\\boot.txt",
    "/etc/passwd.txt",
    "C:\\Windows\\a.txt",
    "a\x00.pdf.txt",
    "a\r\nSet-Cookie: x=y.txt",
    "invoice\u202efdp.txt",
    "\u2066a\u2069.txt",
    "....txt",
    ".txt",
    " .txt ",
    "nul:stream.txt",
    "a" * 5000 + ".txt",
    "ä" * 300 + ".txt",
    '"; filename="evil.exe.txt',
    "%2e%2e%2fa.txt",
    "<script>.txt",
    "a/.txt",
    "~/.ssh/id.txt",
    "|cat.txt",
    "a\u0085b\u2028c.txt",
    "\ufeffa.txt",
    "e\u0301.txt",
    "\ud800.txt",
    "名前.txt",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_a_label(context: Flask, settings: Settings, name: str) -> None:
    """Hostile names lose what steers and stay readable; the place on disk never depends on them."""
    stored = put(b"words\n", name)
    assert stored.name.endswith(".txt")
    assert 4 < len(stored.name) <= files.NAME_LIMIT
    assert not re.search(r'[/\\<>:"|?*\x00-\x1f]', stored.name)
    assert files.path(stored).is_relative_to(settings.instance / "files")


@given(st.text(max_size=300))
def test_cleaning_a_name_twice_changes_nothing_more(name: str) -> None:
    """A clean name is short, composed, without control, format or path characters, and never empty."""
    clean = files.clean_name(name)
    assert clean
    assert clean == files.clean_name(clean)
    assert len(clean) <= files.NAME_LIMIT
    assert not {unicodedata.category(c) for c in clean} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert not set(clean) & set('/\\<>:"|?*')


def test_equal_contents_share_their_bytes(context: Flask, settings: Settings) -> None:
    """Ten people attach the same notice: ten rows, one file."""
    first, second = put(b"same\n", "mine.txt"), put(b"same\n", "yours.txt", owner=JONAS)
    assert first.id != second.id
    assert files.path(first) == files.path(second)
    assert sum(1 for path in (settings.instance / "files").rglob("*") if path.is_file()) == 1


@pytest.mark.postgres
def test_space_is_counted_and_ends(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last byte of a person's space can be used, the next file is refused, and other people are not concerned."""
    monkeypatch.setattr(files, "QUOTA", 10)
    put(b"12345", "a.txt")
    put(b"12345", "b.txt")
    with pytest.raises(TooLarge) as refused:
        put(b"1", "c.txt")
    assert "10 B" in sentence(refused.value)
    assert put(b"1", "c.txt", owner=JONAS)
    assert put(b"1" * 50, "c.txt", owner=None)
    assert files._miscounted() == []


def test_a_unit_of_work_that_runs_again_reads_the_stream_again(context: Flask) -> None:
    """The database may ask for a second try; the upload is complete then too."""
    stream = io.BytesIO(b"words\n")
    sizes = []

    def work() -> int:
        sizes.append(files.store(stream, name="a.txt", owner_id=MARA, now=NOW).size)
        return sizes[-1]

    run(work, keep=lambda _: False)
    run(work)
    assert sizes == [6, 6]
    assert db.session.scalar(sa.select(files.FileUsage.size)) == 6


@pytest.mark.parametrize("level", [0, 1, 2])
def test_links_in_the_store_are_never_followed(context: Flask, settings: Settings, level: int) -> None:
    """Whoever can write one link into the folder reads no other file through it."""
    stored = put(b"words\n", "a.txt")
    place = files.path(stored)
    moved = [place, place.parent, place.parent.parent][level]
    elsewhere = settings.instance / "elsewhere" / str(level)
    elsewhere.parent.mkdir()
    moved.rename(elsewhere)
    moved.symlink_to(elsewhere)
    with pytest.raises(FileNotFoundError):
        files.read(stored)
    with pytest.raises(FileNotFoundError):
        files.path(stored)


@pytest.mark.parametrize("digest", ["", "../../secret.key", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_only_a_hash_leads_to_content(settings: Settings, digest: str) -> None:
    """Nothing else is ever joined to a path."""
    with pytest.raises(FileNotFoundError):
        files.open_content(settings.instance, digest)


def test_the_doctor_names_files_that_are_gone_or_cut(context: Flask) -> None:
    """A missing and a shortened file are each one line."""
    put(b"fine\n", "fine.txt")
    gone, cut = put(b"gone\n", "gone.txt"), put(b"cut off\n", "cut.txt")
    assert files._missing_content() == []
    files.path(gone).unlink()
    os.truncate(files.path(cut), 3)
    assert files._missing_content() == [f"file {gone.id}: 5 bytes expected, nothing found", f"file {cut.id}: 8 bytes expected, 3 found"]


def test_what_no_row_names_is_swept_after_a_day(context: Flask, settings: Settings, clock: Any) -> None:
    """An upload that broke off and one whose change was rolled back go; what a row names stays."""
    stored = put(b"kept\n", "kept.txt")
    lost = files.receive(io.BytesIO(b"lost\n"), name="lost.txt")
    (settings.instance / "files" / "incoming" / "half").write_bytes(b"half")
    everything = [path for path in (settings.instance / "files").rglob("*") if path.is_file()]
    for path in everything:
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    clock.set(NOW)
    clock.advance(hours=23)
    files.sweep()
    assert all(path.exists() for path in everything)
    clock.advance(hours=2)
    files.sweep()
    assert [path for path in everything if path.exists()] == [files.path(stored)]
    with pytest.raises(FileNotFoundError):
        files.open_content(settings.instance / "files", lost.digest)


# -- the content host ------------------------------------------------------------------------------------------------


@pytest.fixture
def host(settings: Settings) -> Client:
    """The content host of the same installation."""
    return Client(create_content_app(settings, settings.secret_key))


def path_of(address: str) -> str:
    return urlsplit(address).path


@pytest.mark.parametrize("name", GOOD)
def test_an_upload_is_handed_out_as_a_download_in_a_sandbox(context: Flask, host: Client, name: str) -> None:
    """Every kind: attachment, sandbox, nosniff, no cookie."""
    stored = put(GOOD[name], name)
    answer = host.get(path_of(files.url(stored)), buffered=True)
    with files.read(stored) as content:
        assert answer.data == content.read()
    assert answer.status_code == 200
    assert answer.mimetype == stored.mime
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")
    assert "Set-Cookie" not in answer.headers
    head = host.head(path_of(files.url(stored)))
    assert (head.status_code, head.data, head.content_length) == (200, b"", stored.size)


def test_the_address_is_on_the_other_host_and_lives_ten_minutes(context: Flask, host: Client, settings: Settings, clock: Any) -> None:
    """An address somebody copied is useless after lunch."""
    stored = put(b"words\n", "Übersicht 1.txt")
    address = files.url(stored)
    assert address.startswith(settings.content_base + "/f/")
    assert not address.startswith(settings.base_url)
    assert unquote(address).endswith("/Übersicht 1.txt")
    clock.advance(minutes=10)
    assert host.get(path_of(address), buffered=True).status_code == 200
    clock.advance(seconds=1)
    assert host.get(path_of(address), buffered=True).status_code == 404


def test_everything_else_on_the_content_host_is_nothing(context: Flask, host: Client, settings: Settings) -> None:
    """No listing, no other paths or methods, no forged or foreign signature, and the same bare answer to all of it."""
    stored = put(b"words\n", "a.txt")
    path = path_of(files.url(stored))
    signed = path.split("/")[2]
    forged = create_content_app(settings, "another-key-another-key-another-key")
    answers = [
        *(
            host.get(p, buffered=True)
            for p in ("/", "/f/", f"/f/{signed}", f"/f/{signed}/", f"/f/{signed}x/a.txt", "/f/../secret.key", f"/f/{stored.digest}/a.txt", path + "/b")
        ),
        *(host.open(path, method=method) for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH")),
        Client(forged).get(path, buffered=True),
    ]
    files.path(stored).unlink()
    answers.append(host.get(path, buffered=True))
    assert {(answer.status_code, answer.data) for answer in answers} == {(404, b"There is nothing here.\n")}
    assert all(answer.headers["Content-Security-Policy"].startswith("sandbox") and "Set-Cookie" not in answer.headers for answer in answers)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("offer.pdf", 'attachment; filename="offer.pdf"'),
        ("Übersicht.pdf", "attachment; filename=\"Ubersicht.pdf\"; filename*=UTF-8''%C3%9Cbersicht.pdf"),
        ("100% sure.pdf", "attachment; filename=\"100_ sure.pdf\"; filename*=UTF-8''100%25%20sure.pdf"),
        ("名前.pdf", "attachment; filename=\".pdf\"; filename*=UTF-8''%E5%90%8D%E5%89%8D.pdf"),
        ('a"; x="b.pdf', "attachment; filename=\"a__ x=_b.pdf\"; filename*=UTF-8''a%22%3B%20x%3D%22b.pdf"),
    ],
)
def test_download_names(name: str, expected: str) -> None:
    """RFC 6266 with a plain name for old programs and RFC 8187 for the real one."""
    assert disposition(name) == expected


@given(st.text(min_size=1, max_size=80))
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    """One line, printable ASCII, two quotation marks."""
    with contextlib.suppress(UnicodeEncodeError):
        header = disposition(name)
        assert header.isascii()
        assert header.isprintable()
        assert header.count('"') == 2


@limits(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(content=st.binary(min_size=1, max_size=400), kind=st.sampled_from(sorted(Kind)))
def test_random_bytes_are_taken_or_refused_but_never_break_anything(context: Flask, content: bytes, kind: Kind) -> None:
    """Whatever comes, the answer is a stored file or a sentence."""
    with contextlib.suppress(WrongType, TooLarge):
        received = files.receive(io.BytesIO(_prefixed(content, kind)), name=f"a.{kind}")
        assert received.size > 0


def _prefixed(content: bytes, kind: Kind) -> bytes:
    marks: dict[Kind, bytes] = {Kind.PNG: b"\x89PNG\r\n\x1a\n", Kind.JPG: b"\xff\xd8\xff", Kind.WEBP: b"RIFF\x00\x01\x00\x00WEBP", Kind.PDF: b"%PDF-"}
    return marks.get(kind, b"") + content
