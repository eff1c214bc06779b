"""Kinds of files: what an ending promises, whether the bytes keep it, and pictures drawn again without what hides in them."""

import os
import re
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import IO, Any

from portal.kernel.errors import TooLarge, WrongType
from portal.kernel.messages import say

PIXELS = 40_000_000
CHUNK = 64 * 1024


class Kind(StrEnum):
    """A kind of file, named by its usual ending."""

    PDF = "pdf"
    PNG = "png"
    JPG = "jpg"
    WEBP = "webp"
    TXT = "txt"
    CSV = "csv"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    EML = "eml"


REQUEST_KINDS = frozenset(Kind)
"""What may be attached to a request."""

_OFFICE = "application/vnd.openxmlformats-officedocument."
MIME = {
    Kind.PDF: "application/pdf",
    Kind.PNG: "image/png",
    Kind.JPG: "image/jpeg",
    Kind.WEBP: "image/webp",
    Kind.TXT: "text/plain",
    Kind.CSV: "text/csv",
    Kind.DOCX: f"{_OFFICE}wordprocessingml.document",
    Kind.XLSX: f"{_OFFICE}spreadsheetml.sheet",
    Kind.PPTX: f"{_OFFICE}presentationml.presentation",
    Kind.EML: "message/rfc822",
}


def kind_of_name(name: str, kinds: frozenset[Kind]) -> Kind:
    """The kind an ending promises; raises WrongType, listing what is taken, when it is none of ``kinds``."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    ending = "jpg" if ending == "jpeg" else ending
    if ending not in kinds:
        listed = ", ".join(kind.value for kind in Kind if kind in kinds)
        raise WrongType(say("We cannot take %(name)s here. Files may end in: %(kinds)s.", name=name, kinds=listed))
    return Kind(ending)


def check_and_clean(file: IO[bytes], kind: Kind, name: str) -> None:
    """Raise WrongType unless the content of ``file`` is of ``kind``; pictures are replaced by a clean drawing of themselves."""
    if not _LOOKS[kind](file):
        raise WrongType(say("%(name)s is not a %(kind)s file inside. Save it again in that format and add it once more.", name=name, kind=kind.value))
    if kind in _PICTURES:
        _reencode(file, kind, name)


# What the bytes say. Each check reads a bounded part; text is read through because any control byte gives a program away.


def _starts_with(*marks: bytes) -> Callable[[IO[bytes]], bool]:
    def look(file: IO[bytes]) -> bool:
        file.seek(0)
        return file.read(16).startswith(marks)

    return look


def _is_webp(file: IO[bytes]) -> bool:
    file.seek(0)
    head = file.read(12)
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


def _is_office(folder: bytes) -> Callable[[IO[bytes]], bool]:
    def look(file: IO[bytes]) -> bool:
        file.seek(0)
        if file.read(4) != b"PK\x03\x04":
            return False
        # The table of contents stands at the end; reading its names there costs the same for every archive, bombs included.
        file.seek(max(0, file.seek(0, os.SEEK_END) - 1024 * 1024))
        tail = file.read()
        return b"PK\x05\x06" in tail and b"[Content_Types].xml" in tail and folder in tail and b"vbaProject.bin" not in tail

    return look


_BINARY = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_MAIL_FIELD = re.compile(rb"^(from|received|return-path|message-id|mime-version):", re.IGNORECASE | re.MULTILINE)


def _is_text(file: IO[bytes]) -> bool:
    file.seek(0)
    chunks = iter(lambda: file.read(CHUNK), b"")
    return not any(_BINARY.search(chunk) or chunk.startswith(b"%PDF-") for chunk in chunks)


def _is_mail(file: IO[bytes]) -> bool:
    file.seek(0)
    head = file.read(CHUNK).partition(b"\n\r\n")[0].partition(b"\n\n")[0]
    return bool(_MAIL_FIELD.search(head)) and b"\x00" not in head


_LOOKS: dict[Kind, Callable[[IO[bytes]], bool]] = {
    Kind.PDF: _starts_with(b"%PDF-"),
    Kind.PNG: _starts_with(b"\x89PNG\r\n\x1a\n"),
    Kind.JPG: _starts_with(b"\xff\xd8\xff"),
    Kind.WEBP: _is_webp,
    Kind.TXT: _is_text,
    Kind.CSV: _is_text,
    Kind.DOCX: _is_office(b"word/"),
    Kind.XLSX: _is_office(b"xl/"),
    Kind.PPTX: _is_office(b"ppt/"),
    Kind.EML: _is_mail,
}

_PICTURES = {Kind.PNG: "PNG", Kind.JPG: "JPEG", Kind.WEBP: "WEBP"}
_decoding = threading.Semaphore(1)
"""A picture at the limit needs some 300 MB while it is drawn again: one at a time."""


def _reencode(file: IO[bytes], kind: Kind, name: str) -> None:
    """Draw the (first) picture again, upright and without anything else that was in the file: places, dates, hidden archives."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = None  # our own limit answers with a sentence instead of a warning
    damaged = WrongType(say("%(name)s is a damaged picture. Save it again as PNG or JPG and add it once more.", name=name))
    file.seek(0)
    with _decoding:
        try:
            with Image.open(file, formats=[_PICTURES[kind]]) as opened:
                _check_pixels(*opened.size)
                picture = ImageOps.exif_transpose(opened)
                picture.load()
        except Exception as error:  # decoders answer hostile bytes with errors of every kind
            raise error if isinstance(error, TooLarge) else damaged from error
        _write_picture(picture, file, kind)


def _check_pixels(width: int, height: int) -> None:
    if width * height > PIXELS:
        raise TooLarge(say("This picture has more than %(limit)s million dots. Make it smaller and add it once more.", limit=PIXELS // 1_000_000))


def _write_picture(picture: Any, file: IO[bytes], kind: Kind) -> None:
    picture.info = {name: value for name, value in picture.info.items() if name == "transparency"}
    options: dict[str, Any] = {Kind.PNG: {"compress_level": 4}, Kind.JPG: {"quality": 90}, Kind.WEBP: {"quality": 90, "method": 2}}[kind]
    if kind is Kind.JPG and picture.mode not in ("L", "RGB"):
        picture = picture.convert("RGB")
    file.seek(0)
    file.truncate()
    picture.save(file, format=_PICTURES[kind], **options)
