"""Mail as it comes, first half: character sets, headers and parts. Every text is ours; every address is of an example domain."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

DESK = "desk@marlow-cycles.example"
ANA = "Ana Lopez <ana@marlow-cycles.example>"
GIF = b64encode(
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
).decode()


@dataclass(frozen=True)
class Sample:
    """A mail and what reading it must give: sender, subject, reply_text, attachments (names), automatic, and a few more for some."""

    name: str
    raw: bytes
    expect: dict[str, Any] = field(default_factory=dict)


def mail(body: str | bytes = "The brake of bike 7 squeaks.", **given: str) -> bytes:
    """A mail from Ana to the desk; ``extra`` adds header lines, ``kind`` and ``coding`` describe the body, ``charset`` encodes it."""
    head = "" if given.get("sender") == "" else f"From: {given.get('sender', ANA)}\n"
    head += f"To: {given.get('to', DESK)}\n" if given.get("to") != "" else ""
    head += f"Subject: {given.get('subject', 'Brake squeaks')}\n" if given.get("subject") != "" else ""
    head += f"Date: {given.get('date', 'Mon, 02 Nov 2026 09:12:00 +0100')}\n"
    head += f"Message-ID: {given.get('id', '<one.two@mail.example.com>')}\n" if given.get("id") != "" else ""
    head += given.get("extra", "")
    head += f"MIME-Version: 1.0\nContent-Type: {given.get('kind', 'text/plain; charset=utf-8')}\nContent-Transfer-Encoding: {given.get('coding', '8bit')}\n\n"
    content = body if isinstance(body, bytes) else body.encode(given.get("charset", "utf-8"))
    return head.encode("utf-8") + content + (b"" if content.endswith(b"\n") else b"\n")


def part(kind: str, body: str, *lines: str) -> str:
    """One part of a mail."""
    return "\n".join((f"Content-Type: {kind}", *lines, "", body, ""))


def several(subtype: str, *parts: str, mark: str = "=_one", rest: str = "", **given: str) -> bytes:
    """A mail of several parts."""
    return mail(bundle(*parts, mark=mark), kind=f'multipart/{subtype}; boundary="{mark}"{rest}', **given)


def bundle(*parts: str, mark: str) -> str:
    """Parts between boundaries."""
    return "".join(f"--{mark}\n{one}" for one in parts) + f"--{mark}--\n"


def b64(text: str | bytes, charset: str = "utf-8") -> str:
    """Base64 in lines."""
    whole = b64encode(text if isinstance(text, bytes) else text.encode(charset)).decode()
    return "\n".join(whole[at : at + 76] for at in range(0, len(whole), 76))


def said(reply: str = "The brake of bike 7 squeaks.", **more: Any) -> dict[str, Any]:
    """What an ordinary mail from Ana gives."""
    whole: dict[str, Any] = {
        "sender": "ana@marlow-cycles.example",
        "subject": "Brake squeaks",
        "reply_text": reply,
        "attachments": [],
        "automatic": "no",
        **more,
    }
    return whole if whole["reply_text"] is not None else {key: value for key, value in whole.items() if key != "reply_text"}


def charsets() -> list[Sample]:
    """Bodies in many encodings, honest and not."""
    plain = "text/plain; charset="
    return [
        Sample("utf-8", mail("Die Kette ist gerissen – für Größe 28″."), said("Die Kette ist gerissen – für Größe 28″.")),
        Sample("latin-1 quoted-printable", mail("Gr=FC=DFe aus K=F6ln", kind=plain + "iso-8859-1", coding="quoted-printable"), said("Grüße aus Köln")),
        Sample("windows-1252 that calls itself latin-1", mail("It’s “loose” – 5 €".encode("cp1252"), kind=plain + "iso-8859-1"), said("It’s “loose” – 5 €")),
        Sample("utf-8 that calls itself ascii", mail("Café à côté", kind=plain + "us-ascii"), said("Café à côté")),
        Sample("no character set, latin-1 bytes", mail("Café crème".encode("latin-1"), kind="text/plain"), said("Café crème")),
        Sample("unknown character set", mail("Plain words", kind=plain + "x-moon-7"), said("Plain words")),
        Sample("character set that is no text", mail("Plain words", kind=plain + "base64"), said("Plain words")),
        Sample("koi8-r", mail("Цепь порвалась", kind=plain + "koi8-r", charset="koi8-r"), said("Цепь порвалась")),
        Sample("windows-1251", mail("Тормоз скрипит", kind=plain + "windows-1251", charset="cp1251"), said("Тормоз скрипит")),
        Sample("iso-2022-jp", mail("ブレーキが鳴ります", kind=plain + "ISO-2022-JP", charset="iso2022_jp"), said("ブレーキが鳴ります")),
        Sample("shift_jis", mail("鍵をなくしました", kind=plain + "Shift_JIS", charset="cp932"), said("鍵をなくしました")),
        Sample("gb2312 with characters beyond it", mail("刹车有声音，镕", kind=plain + "gb2312", charset="gb18030"), said("刹车有声音，镕")),
        Sample("big5", mail("煞車有聲音", kind=plain + "big5", charset="big5"), said("煞車有聲音")),
        Sample("euc-kr", mail("브레이크 소리", kind=plain + "ks_c_5601-1987", charset="cp949"), said("브레이크 소리")),
        Sample("iso-8859-15", mail("5 € für Öl", kind=plain + "iso-8859-15", charset="iso8859_15"), said("5 € für Öl")),
        Sample("iso-8859-2", mail("Příliš žluťoučký kůň", kind=plain + "iso-8859-2", charset="iso8859_2"), said("Příliš žluťoučký kůň")),
        Sample("utf-16 in base64", mail(b64("Wheel is bent", "utf-16"), kind=plain + "utf-16", coding="base64"), said("Wheel is bent")),
        Sample("utf-7", mail("Gr+APwA3w-e", kind=plain + "utf-7"), said("Grüße")),
        Sample("hebrew, visual order", mail("שלום", kind=plain + "iso-8859-8-i", charset="iso8859_8"), said("שלום")),
        Sample("character set with blanks and quotes", mail("Über", kind='text/plain; charset=" utf-8 "'), said("Über")),
        Sample("nul and control characters", mail("One\x00two\x07 three\x1b[31m"), said("Onetwo three[31m")),
        Sample("nul in the character set", mail("Café", kind='text/plain; charset="utf\x00-8"'), said("Café")),
        Sample("lone carriage returns", mail("First line\rSecond line"), said("First line\nSecond line")),
        Sample("windows line ends", mail("First line\nSecond line").replace(b"\n", b"\r\n"), said("First line\nSecond line")),
    ]


def headers() -> list[Sample]:
    """Odd and broken headers."""
    many = ",\n ".join(f"Person {n} <p{n}@example.org>" for n in range(300))
    bomb = "".join(f"X-Filler-{n}: {n}\n" for n in range(5_000))
    word = "=?utf-8?B?" + b64encode("Brücke".encode()[:3]).decode() + "?= =?utf-8?B?" + b64encode("Brücke".encode()[3:]).decode() + "?="
    return [
        Sample("subject in encoded words", mail(subject="=?iso-8859-1?Q?Gr=FC=DFe_aus?= =?utf-8?b?IEvDtmxu?="), said(subject="Grüße aus Köln")),
        Sample("character cut between two words", mail(subject=word), said(subject="Brücke")),
        Sample("encoded word without an end", mail(subject="=?utf-8?Q?Half"), said(subject="=?utf-8?Q?Half")),
        Sample("encoded word with an unknown set", mail(subject="=?x-moon?Q?Bell?="), said(subject="Bell")),
        Sample("encoded word with damaged base64", mail(subject="=?utf-8?B?QmVsbA?="), said(subject="Bell")),
        Sample("encoded word with a language", mail(subject="=?utf-8*en?Q?Bell?="), said(subject="Bell")),
        Sample("encoded word with blanks inside", mail(subject="=?utf-8?Q?Bell is loose?="), said(subject="Bell is loose")),
        Sample("encoded word in quotes", mail(sender='"=?utf-8?Q?Zo=C3=AB?=" <zoe@example.org>'), said(sender="zoe@example.org", name="Zoë")),
        Sample("raw bytes in the subject", mail(subject="Größe 28 für Zoë"), said(subject="Größe 28 für Zoë")),
        Sample("latin-1 bytes in the subject", mail(subject="Brake squeaks").replace(b"Brake squeaks", "Größe".encode("latin-1"), 1), said(subject="Größe")),
        Sample("folded subject", mail(subject="Brake\n squeaks\n\tloudly"), said(subject="Brake squeaks loudly")),
        Sample("two subjects", mail(extra="Subject: Another\n"), said()),
        Sample("no subject", mail(subject=""), said(subject="")),
        Sample("subject of twenty thousand characters", mail(subject="a" * 20_000), said(subject="a" * 500)),
        Sample("steering marks in the subject", mail(subject="Bill\u202efdp.exe\x00 now"), said(subject="Billfdp.exe now")),
        Sample("no sender", mail(sender=""), said(sender="")),
        Sample("sender only in Sender", mail(sender="", extra="Sender: cy@example.org\n"), said(sender="cy@example.org")),
        Sample("sender without an address", mail(sender="The boss"), said(sender="", name="The boss")),
        Sample("own address as sender", mail(sender=f"Desk <{DESK}>"), said(sender=DESK)),
        Sample("comma in a quoted name", mail(sender='"Lopez, Ana (Sales)" <ana@Marlow-Cycles.example>'), said(name="Lopez, Ana (Sales)")),
        Sample("comma in a name without quotes", mail(sender="Lopez, Ana <ana@marlow-cycles.example>"), said()),
        Sample("name as a comment", mail(sender="ana@marlow-cycles.example (Ana Lopez)"), said(name="Ana Lopez")),
        Sample("odd quote in the sender", mail(sender='"Ana Lopez <ana@marlow-cycles.example>'), said()),
        Sample("an address as the name", mail(sender='"boss@example.net" <ana@marlow-cycles.example>'), said(name="boss@example.net")),
        Sample("group of recipients", mail(to="Workshop: cy@example.org, Dee <dee@example.org>;"), said(to=["cy@example.org", "dee@example.org"])),
        Sample("hidden recipients", mail(to="undisclosed-recipients:;"), said(to=[])),
        Sample("three hundred recipients", mail(to=many), said(to=[f"p{n}@example.org" for n in range(300)])),
        Sample("no message id", mail(id=""), said(id=None)),
        Sample("malformed message id", mail(id="<@@x>"), said(id=None)),
        Sample("empty message id", mail(id="<>"), said(id=None)),
        Sample("message id in a comment and folded", mail(id="\n <a.b@example.org> (made by hand)"), said(id="<a.b@example.org>")),
        Sample(
            "references in disorder",
            mail(extra="References: <a@x.example><b@x.example>\n  junk <c> <d@x.example>,\n"),
            said(references=["<a@x.example>", "<b@x.example>", "<d@x.example>"]),
        ),
        Sample("date in the future", mail(date="Mon, 01 Jan 2035 00:00:00 +0000"), said()),
        Sample("date in the year 9999", mail(date="Fri, 31 Dec 9999 23:59:59 -1200"), said(date=None)),
        Sample("date that is none", mail(date="yesterday at noon"), said(date=None)),
        Sample("date with a huge zone", mail(date="Mon, 02 Nov 2026 09:12:00 +999999"), said()),
        Sample("five thousand headers", mail(extra=bomb), said()),
        Sample("a line of the mail box before", b"From ana Mon Nov  2 09:12:00 2026\n" + mail(), said()),
        Sample("empty lines before", b"\r\n\r\n" + mail(), said()),
        Sample("header without a colon", mail(extra="This line is lost\n"), {"sender": "ana@marlow-cycles.example", "automatic": "no"}),
        Sample("only a body", b"Hello, no headers here\n", {"sender": "", "subject": "", "automatic": "no"}),
        Sample("nothing at all", b"", {"sender": "", "subject": "", "reply_text": "", "attachments": [], "automatic": "no"}),
        Sample("headers without a body", b"From: ana@marlow-cycles.example\nSubject: Brake squeaks", said("")),
        Sample("international address", mail(sender="Zoë <zoë@bücher.example>"), said(sender="zoë@bücher.example", name="Zoë")),
    ]


def parts() -> list[Sample]:
    """Attachments, forms of the same text, and broken structures."""
    text = part("text/plain; charset=utf-8", "See the file.")
    pdf = "application/pdf"

    def attached(kind: str, *lines: str) -> bytes:
        return several("mixed", text, part(kind, b64("content"), "Content-Transfer-Encoding: base64", *lines))

    def named(name: str) -> bytes:
        return attached(pdf, f"Content-Disposition: attachment; {name}")

    deep = "Bottom words\n"
    for level in range(50):
        deep = (
            f'Content-Type: multipart/mixed; boundary="d{level + 1}"\n\n--d{level + 1}\n{deep}\n--d{level + 1}--\n'
            if level
            else f"Content-Type: text/plain\n\n{deep}"
        )
    html, plain = part("text/html; charset=utf-8", "<p>Brake <b>squeaks</b></p>"), part("text/plain", "Brake squeaks")
    see = said("See the file.")
    invite = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR"
    inner = mail("Chain is torn", subject="Chain", sender="Cy <cy@example.org>")
    return [
        Sample("attachment", named('filename="plan.pdf"'), see | {"attachments": ["plan.pdf"]}),
        Sample("name in pieces", named("filename*0*=utf-8''Gr%C3%B6; filename*1*=%C3%9Fe; filename*2=.pdf"), see | {"attachments": ["Größe.pdf"]}),
        Sample("name in an encoded word", named('filename="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="'), see | {"attachments": ["Größe.pdf"]}),
        Sample("name in raw bytes", named('filename="Größe.pdf"'), see | {"attachments": ["Größe.pdf"]}),
        Sample("name with a path", named('filename="..\\\\..\\\\windows/../plan.pdf"'), see | {"attachments": ["plan.pdf"]}),
        Sample("name that turns round", named('filename="bill\u202efdp.exe"'), see | {"attachments": ["billfdp.exe"]}),
        Sample("reserved name", named('filename="CON.pdf"'), see | {"attachments": ["_CON.pdf"]}),
        Sample("name of dots", named('filename=".."'), see | {"attachments": ["file.pdf"]}),
        Sample("name of three hundred letters", named(f'filename="{"n" * 300}.pdf"'), see | {"attachments": ["n" * 196 + ".pdf"]}),
        Sample("no name", named("size=7"), see | {"attachments": ["file.pdf"]}),
        Sample("name only in the type", attached(f'{pdf}; name="plan.pdf"'), see | {"attachments": ["plan.pdf"]}),
        Sample(
            "two of the same name",
            several(
                "mixed",
                text,
                part(pdf, "a", 'Content-Disposition: attachment; filename="a.pdf"'),
                part(pdf, "b", 'Content-Disposition: attachment; filename="a.pdf"'),
            ),
            see | {"attachments": ["a.pdf", "a.pdf"]},
        ),
        Sample(
            "text as a file",
            several("mixed", text, part('text/plain; name="log.txt"', "Line", "Content-Disposition: attachment")),
            see | {"attachments": ["log.txt"]},
        ),
        Sample("only a file", mail(b64("content"), kind=f'{pdf}; name="plan.pdf"', coding="base64"), said("", attachments=["plan.pdf"])),
        Sample("mail within a mail", several("mixed", text, part("message/rfc822", inner.decode())), see | {"attachments": ["Chain.eml"]}),
        Sample(
            "winmail.dat", attached("application/ms-tnef", 'Content-Disposition: attachment; filename="winmail.dat"'), see | {"attachments": ["winmail.dat"]}
        ),
        Sample("invitation", several("alternative", text, part("text/calendar; method=REQUEST; charset=utf-8", invite)), see | {"attachments": ["file.ics"]}),
        Sample(
            "picture in the text",
            several(
                "related",
                part("text/html", '<p>Look: <img src="cid:p1" alt="the bell"></p>'),
                part("image/gif", GIF, "Content-Transfer-Encoding: base64", "Content-ID: <p1>", "Content-Disposition: inline"),
            ),
            said("Look: the bell", attachments=["picture.gif"], inline=["p1"]),
        ),
        Sample(
            "text before and after a picture",
            several(
                "mixed", part("text/plain", "Before"), part('image/gif; name="p.gif"', GIF, "Content-Transfer-Encoding: base64"), part("text/plain", "After")
            ),
            said("Before\n\nAfter", attachments=["p.gif"]),
        ),
        Sample("both forms", several("alternative", plain, html), said("Brake squeaks")),
        Sample("empty plain form", several("alternative", part("text/plain", " "), html), said("Brake squeaks")),
        Sample(
            "plain form that only excuses itself",
            several("alternative", part("text/plain", "Your mail reader does not support HTML."), html),
            said("Brake squeaks"),
        ),
        Sample(
            "html alone",
            mail(
                "<html><head><title>T</title><style>p{}</style></head><body><p>One &amp; two</p><ul><li>a<li>b</ul><table><tr><td>x<td>y</table><script>alert(1)</script></body>",
                kind="text/html",
            ),
            said(has=["One & two", "- a", "- b", "x  y"], lacks=["alert", "p{}"], reply_text=None),
        ),
        Sample(
            "hidden words in html",
            mail('<p>Seen</p><div style="display:none">Not seen</div><span style="font-size:0">nor this</span>', kind="text/html"),
            said("Seen"),
        ),
        Sample(
            "link with another address",
            mail('<p>Read <a href="https://example.org/plan">the plan</a> and <a href="javascript:x()">this</a></p>', kind="text/html"),
            said("Read the plan (https://example.org/plan) and this"),
        ),
        Sample(
            "broken html",
            mail("<p>One<b>two<p>three</div></table><td>four & five < six", kind="text/html"),
            said(has=["three", "four & five < six"], reply_text=None),
        ),
        Sample("no last boundary", several("mixed", text, mark="=_x").replace(b"--=_x--\n", b""), see),
        Sample("boundary that never comes", mail("Just words", kind="multipart/mixed; boundary=never"), said("Just words")),
        Sample("parts without a boundary", mail("Just words", kind="multipart/mixed"), said("Just words")),
        Sample(
            "wrong boundary in the body",
            mail("--other\nContent-Type: text/plain\n\nJust words\n--other--", kind="multipart/mixed; boundary=never"),
            {"sender": "ana@marlow-cycles.example", "automatic": "no", "has": ["Just words"]},
        ),
        Sample(
            "words before and after the parts",
            mail("This is a multi-part message.\n" + bundle(text, mark="m") + "epilogue", kind="multipart/mixed; boundary=m"),
            see,
        ),
        Sample(
            "fifty levels",
            b"From: ana@marlow-cycles.example\nSubject: Brake squeaks\n" + deep.encode(),
            {"sender": "ana@marlow-cycles.example", "subject": "Brake squeaks", "automatic": "no"},
        ),
        Sample("damaged base64", mail("VGhlIGJyYWtl*IHNxdWVha3Mu\n!!", coding="base64"), said("The brake squeaks.")),
        Sample("base64 that is none", mail("Just words, not encoded.", coding="base64"), {"sender": "ana@marlow-cycles.example", "automatic": "no"}),
        Sample("odd quoted-printable", mail("The brake =\nsqueaks=3D loud=ZZ =20\nend=", coding="quoted-printable"), said("The brake squeaks= loud=ZZ\nend")),
        Sample("unknown transfer encoding", mail("Just words", coding="moon"), said("Just words")),
        Sample("uuencoded body", mail("begin 644 a.txt\n%2&5L;&\\\n`\nend\n", coding="x-uuencode"), said("Hello")),
        Sample("unknown type", mail("Just words", kind="moon"), said("Just words")),
        Sample(
            "flowed text",
            mail("The brake of \nbike 7 squeaks.\n\nThanks", kind="text/plain; charset=utf-8; format=flowed"),
            said("The brake of bike 7 squeaks.\n\nThanks"),
        ),
        Sample("flowed text without the blanks", mail("自転車の \n鍵", kind="text/plain; charset=utf-8; format=flowed; delsp=yes"), said("自転車の鍵")),
        Sample(
            "signed with a certificate",
            several("signed", text, part('application/pkcs7-signature; name="smime.p7s"', b64("x"), "Content-Transfer-Encoding: base64")),
            see | {"attachments": ["smime.p7s"]},
        ),
        Sample(
            "encrypted with a certificate",
            mail(b64("x"), kind='application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"', coding="base64"),
            said("", attachments=["smime.p7m"]),
        ),
        Sample(
            "signed with pgp",
            several("signed", text, part('application/pgp-signature; name="signature.asc"', "-----BEGIN PGP SIGNATURE-----")),
            see | {"attachments": ["signature.asc"]},
        ),
        Sample(
            "signed inside the text",
            mail("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nThe brake squeaks.\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----"),
            said("The brake squeaks."),
        ),
        Sample("text that calls itself enriched", mail("Plain words", kind="text/enriched"), said("Plain words")),
    ]
