"""What hostile people type: texts for every field, names and contents for every upload, addresses for every redirect.

Our own collection, by the class of fault each one asks for.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

MARK = "hxhx"
"""Stands in every payload that tries to run, so that a test can look for it."""

SCRIPTS = (
    f"<script>alert('{MARK}')</script>",
    f"<img src=x onerror=alert('{MARK}')>",
    f"<svg/onload=alert('{MARK}')>",
    f"<svg><script>alert('{MARK}')</script></svg>",
    f"<svg><animate onbegin=alert('{MARK}') attributeName=x dur=1s>",
    f"\"><script>alert('{MARK}')</script>",
    f"'><img src=x onerror=alert('{MARK}')>",
    f"\" autofocus onfocus=alert('{MARK}') x=\"",
    f"' onmouseover='alert(\"{MARK}\")",
    f"</textarea><script>alert('{MARK}')</script>",
    f"</title><script>alert('{MARK}')</script>",
    f"</option></select><img src=x onerror=alert('{MARK}')>",
    f"<iframe src=\"javascript:alert('{MARK}')\"></iframe>",
    f"<iframe srcdoc=\"<script>alert('{MARK}')</script>\"></iframe>",
    f"<object data=\"data:text/html,<script>alert('{MARK}')</script>\"></object>",
    f"<details open ontoggle=alert('{MARK}')>",
    f"<math href=\"javascript:alert('{MARK}')\">x</math>",
    f'<form action="https://evil.example/{MARK}"><button>go</button></form>',
    f'<base href="https://evil.example/{MARK}/">',
    f'<meta http-equiv=refresh content="0;url=https://evil.example/{MARK}">',
    f'<link rel=stylesheet href="https://evil.example/{MARK}.css">',
    f"<style>@import url(https://evil.example/{MARK});</style>",
    f"<style>input[name=csrf_token]{{background:url(https://evil.example/{MARK})}}</style>",
    f'<img src="https://evil.example/{MARK}.png">',
    f"<a href=\"javascript:alert('{MARK}')\">click</a>",
    f"<noscript><p title=\"</noscript><img src=x onerror=alert('{MARK}')>\">",
    f"<!--><img src=x onerror=alert('{MARK}')>-->",
    f"<scr\x00ipt>alert('{MARK}')</scr\x00ipt>",
    f"&lt;script&gt;alert('{MARK}')&lt;/script&gt;",
    f"\\u003cscript\\u003ealert('{MARK}')\\u003c/script\\u003e",
)
MARKDOWN = (
    f"[click](javascript:alert('{MARK}'))",
    f"[click]( java\nscript:alert('{MARK}'))",
    f"[click](data:text/html,<script>alert('{MARK}')</script>)",
    f"![x](https://evil.example/{MARK}.png)",
    f"[x]: javascript:alert('{MARK}')\n[x]",
    f"<javascript:alert('{MARK}')>",
    f"```\n<script>alert('{MARK}')</script>\n```",
    f'[a](https://evil.example/{MARK}" onmouseover="alert(1))',
    "> " * 60 + "deep",
    "*" * 4000 + "a",
    "[" * 2000 + "](" * 2000,
)
TEMPLATES = ("{{7*7}}", "{% for x in range(3) %}x{% endfor %}", "${7*7}", "#{7*7}", "%(name)s %(x)d %s %n", "{0.__class__}", "{{ config }}", "__${T(java)}__")
DATABASE = ("' OR '1'='1", "'; DROP TABLE persons; --", "1) OR 1=1 --", "%", "_", "\\", "%' ESCAPE '", "NULL", "*/ UNION SELECT 1 /*")
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", '=HYPERLINK("https://evil.example")', "\uff1d1+1", " =cmd|' /C calc'!A0")
LINES = (
    "one\r\nBcc: evil@evil.example",
    "one\nX-Injected: yes",
    "one\rTo: evil@evil.example\r\n\r\nbody",
    "one\u2028two\u2029three",
    "a\x00b",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "\u2066abc\u2069\ufeff",
    "a\u0301" * 300,
    "\U0001f6b2" * 50,
    "\ud83d\ude00 \U000e0041",
    "../../etc/passwd",
    "x" * 10_000,
)
TEXTS = tuple(text.encode("utf-8", "replace").decode() for text in (*SCRIPTS, *MARKDOWN, *TEMPLATES, *DATABASE, *FORMULAS, *LINES))
"""Everything above, as text that can be sent."""

REDIRECTS = (
    "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example", "\\/evil.example", "https:evil.example",
    "https:/evil.example", "https://evil.example", "http://evil.example", "HTTPS://evil.example", "javascript:alert(1)", "data:text/html,x", "/\t/evil.example",
    "/\n/evil.example", "/\r/evil.example", "\t//evil.example", " //evil.example", "/%09/evil.example", "/%5cevil.example", "/%2f%2fevil.example",
    "//evil.example@127.0.0.1", "//127.0.0.1:8000@evil.example", "https://127.0.0.1:8000.evil.example/", "https://127.0.0.1:8000@evil.example/",
    "/.//evil.example", "/..//evil.example", "evil.example", "@evil.example", "?next=//evil.example", "/nowhere", "/sign-out", "http:///evil.example",
    "//\u2100evil.example", "//evil\u3002example", "/people\\@evil.example", "x" * 5000,
)  # fmt: skip

HOSTS = (
    "evil.example",
    "127.0.0.1:8000.evil.example",
    "evil.example:8000",
    "127.0.0.1@evil.example",
    "localhost.evil.example",
    "",
    "127.0.0.1:8000, evil.example",
)

NAMES = (
    "../../etc/passwd.txt", "..\\..\\windows\\system.txt", "/etc/passwd.txt", "C:\\boot.txt", "a/b/c.txt", "....//....//x.txt", ".txt", "..txt", "a\x00.txt",
    "a\r\nSet-Cookie: x=1.txt", "a\nb.txt", "\u202etxt.exe.txt", "x" * 300 + ".txt", "\U0001f6b2.txt", "\u00e4\u00f6\u00fc\u00df.txt", "con.txt", "nul.txt",
    "aux.txt", "a;b.txt", "a\"b.txt", "a'b.txt", "a%2fb.txt", "%2e%2e%2fx.txt", "<script>alert(1)</script>.txt", "{{7*7}}.txt", "${x}.txt", "=1+1.txt",
    "a b   c.txt", " lead.txt", "trail .txt", "trail.txt.", "dot..dot.txt", "~/.ssh/id.txt", "|ls.txt", "`id`.txt", "$(id).txt", "a*b?.txt", "a:b.txt",
    "\ufeffbom.txt", "a\u2028b.txt", "-rf.txt", "file.TXT",
)  # fmt: skip
"""Names of files; each must come back as a plain label of one line."""


def png(width: int, height: int, extra: bytes = b"") -> bytes:
    """A picture that claims this size; its pixels are there only when it is small."""
    body = zlib.compress(b"".join(b"\x00" + b"\x80" * 3 * width for _ in range(height))) if width * height < 10_000 else zlib.compress(b"\x00" * 100)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + (_chunk(b"tEXt", b"c\x00" + extra) if extra else b"") + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _zip(**names: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in names.items():
            archive.writestr(name.replace("__", "/"), data)
    return target.getvalue()


@dataclass(frozen=True)
class File:
    """One hostile upload and why it is one."""

    name: str
    content: bytes
    why: str


REFUSED = (
    File("page.html", b"<script>alert(1)</script>", "a page"),
    File("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "a drawing with script"),
    File("tool.exe", b"MZ\x90\x00", "a program"),
    File("no-ending", b"text", "no ending"),
    File("page.php", b"<?php system($_GET[0]); ?>", "a program for a server"),
    File("archive.zip", _zip(a=b"x"), "an archive"),
    File("sheet.xlsm", _zip(a=b"x"), "a sheet with macros"),
    File("photo.png", b"<html><script>alert(1)</script>", "a page that calls itself a picture"),
    File("photo.jpg", b"GIF89a/*<svg onload=alert(1)>*/", "another kind of picture, and a page"),
    File("photo.png", png(30_000, 30_000), "a picture that would fill the memory"),
    File("photo.png", b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, "a broken picture"),
    File("paper.pdf", b"<script>alert(1)</script>%PDF-1.4", "a page before a document"),
    File("notes.txt", b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff", "a program that calls itself a text"),
    File("notes.txt", b"a\x00b\x00c", "bytes that are no text"),
    File("letter.docx", _zip(a=b"x"), "an archive that calls itself a letter"),
    File("letter.docx", b"PK\x03\x04 not really", "a broken archive"),
    File("empty.txt", b"", "nothing"),
    File("photo.png.html", png(2, 2), "two endings"),
)
POLYGLOT = File("photo.png", png(4, 4, extra=b"<script>alert('hxhx')</script>") + b"<script>alert('hxhx')</script>", "a picture that is a page, too")
"""Taken, but only as the clean drawing of itself."""
