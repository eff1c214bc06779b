"""Mail as it comes, second half: answers, forwards, and what machines write. Every text is ours."""

from typing import Any

from tests.support.mail_kinds import ANA, Sample, bundle, mail, part, said, several

QUOTE = "> The workshop has no free stand.\n> Could you wait until Thursday?\n"
WORDS = "Yes, Thursday is fine."

ATTRIBUTIONS = {
    "English": "On Mon, Nov 2, 2026 at 9:10 AM Bo Berg <bo@example.org> wrote:",
    "German": "Am 02.11.2026 um 09:10 schrieb Bo Berg:",
    "German, long": "Am Mo., 2. Nov. 2026 um 09:10 Uhr schrieb Bo Berg <bo@example.org>:",
    "French": "Le lun. 2 nov. 2026 à 09:10, Bo Berg <bo@example.org> a écrit :",
    "Spanish": "El lun, 2 nov 2026 a las 9:10, Bo Berg (<bo@example.org>) escribió:",
    "Italian": "Il giorno lun 2 nov 2026 alle ore 09:10 Bo Berg <bo@example.org> ha scritto:",
    "Portuguese": "Em seg., 2 de nov. de 2026 às 09:10, Bo Berg <bo@example.org> escreveu:",
    "Dutch": "Op ma 2 nov 2026 om 09:10 schreef Bo Berg <bo@example.org>:",
    "Swedish": "Den mån 2 nov. 2026 kl 09:10 skrev Bo Berg <bo@example.org>:",
    "Norwegian": "man. 2. nov. 2026 kl. 09:10 skrev Bo Berg <bo@example.org>:",
    "Danish": "Den man. 2. nov. 2026 kl. 09.10 skrev Bo Berg <bo@example.org>:",
    "Finnish": "ma 2. marrask. 2026 klo 9.10 Bo Berg (bo@example.org) kirjoitti:",
    "Polish": "pon., 2 lis 2026 o 09:10 Bo Berg <bo@example.org> napisał(a):",
    "Czech": "po 2. 11. 2026 v 9:10 odesílatel Bo Berg <bo@example.org> napsal:",
    "Hungarian": "Bo Berg <bo@example.org> ezt írta (időpont: 2026. nov. 2., H, 9:10):",
    "Turkish": "Bo Berg <bo@example.org>, 2 Kas 2026 Pzt, 09:10 tarihinde şunu yazdı:",
    "Japanese": "2026年11月2日(月) 9:10 Bo Berg <bo@example.org>:",
    "Korean": "2026년 11월 2일 (월) 오전 9:10, Bo Berg <bo@example.org>님이 작성:",
    "Chinese": "Bo Berg <bo@example.org> 于2026年11月2日周一 09:10写道：",
}
HEADINGS = {
    "English": ("From", "Sent", "To", "Subject"),
    "German": ("Von", "Gesendet", "An", "Betreff"),
    "French": ("De ", "Envoyé ", "À ", "Objet "),
    "Spanish": ("De", "Enviado", "Para", "Asunto"),
    "Italian": ("Da", "Inviato", "A", "Oggetto"),
    "Portuguese": ("De", "Enviada", "Para", "Assunto"),
    "Dutch": ("Van", "Verzonden", "Aan", "Onderwerp"),
    "Swedish": ("Från", "Skickat", "Till", "Ämne"),
    "Norwegian": ("Fra", "Sendt", "Til", "Emne"),
    "Finnish": ("Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"),
    "Polish": ("Od", "Wysłano", "Do", "Temat"),
    "Czech": ("Od", "Odesláno", "Komu", "Předmět"),
    "Hungarian": ("Feladó", "Elküldve", "Címzett", "Tárgy"),
    "Turkish": ("Kimden", "Gönderildi", "Kime", "Konu"),
    "Japanese": ("差出人", "送信日時", "宛先", "件名"),
    "Chinese": ("发件人", "发送时间", "收件人", "主题"),
}
AWAY = (
    *(
        "Automatic reply: Brake squeaks",
        "Out of Office: Brake squeaks",
        "Automatische Antwort: Bremse",
        "Abwesenheitsnotiz: Bremse",
        "Réponse automatique : Frein",
    ),
    *(
        "Respuesta automática: Freno",
        "Risposta automatica: Freno",
        "Resposta automática: Freio",
        "Automatisch antwoord: Rem",
        "Autosvar: Brems",
        "Automatiskt svar: Broms",
    ),
    *(
        "Automaattinen vastaus: Jarru",
        "Odpowiedź automatyczna: Hamulec",
        "Automatická odpověď: Brzda",
        "Automatikus válasz: Fék",
        "Otomatik Yanıt: Fren",
        "自動返信: ブレーキ",
        "自动回复: 刹车",
    ),
)


def _head(language: str, *, address: str = "bo@example.org") -> str:
    sender, sent, to, subject = HEADINGS[language]
    return f"{sender}: Bo Berg <{address}>\n{sent}: 2 November 2026 09:10\n{to}: Ana Lopez\n{subject}: Brake squeaks\n\nThe workshop has no free stand.\n"


def replies() -> list[Sample]:
    """Answers above, below and between older words, with signatures and notices."""
    top = f"{WORDS}\n\n{ATTRIBUTIONS['English']}\n{QUOTE}"
    wrapped = f"{WORDS}\n\nOn Monday, 2 November 2026 at 09:10, Bo Berg from the\nworkshop of the northern branch\n<bo@example.org> wrote:\n\n{QUOTE}"
    inline = f"Hi Bo,\n\n{ATTRIBUTIONS['English']}\n> Is it the front brake?\nYes, the front one.\n> And since when?\nSince Friday.\n> Regards\n"
    gmail = f'<div dir="ltr">{WORDS}</div><br><div class="gmail_quote"><div class="gmail_attr">{ATTRIBUTIONS["English"].replace("<", "&lt;").replace(">", "&gt;")}<br></div><blockquote class="gmail_quote">No free stand.</blockquote></div>'
    outlook = f"<div class=WordSection1><p>{WORDS}</p><div style='border:none;border-top:solid #E1E1E1 1.0pt'><p><b>From:</b> Bo Berg &lt;bo@example.org&gt;<br><b>Sent:</b> Monday<br><b>To:</b> Ana<br><b>Subject:</b> Brake</p></div><p>No free stand.</p></div>"
    apple = f'<div>{WORDS}</div><div><blockquote type="cite"><div>On 2 Nov 2026, at 09:10, Bo Berg wrote:</div><div>No free stand.</div></blockquote></div>'
    html = "text/html; charset=utf-8"
    return [
        Sample("answer above", mail(top), said(WORDS)),
        Sample("attribution over three lines", mail(wrapped), said(WORDS)),
        Sample("answer below", mail(f"{ATTRIBUTIONS['English']}\n{QUOTE}\n{WORDS}\n"), said(WORDS)),
        Sample("answers between", mail(inline), said(has=["Hi Bo,", "> Is it the front brake?", "Yes, the front one.", "Since Friday."], reply_text=None)),
        Sample("original message", mail(f"{WORDS}\n\n-----Original Message-----\n{_head('English')}"), said(WORDS)),
        Sample("rule and heading", mail(f"{WORDS}\n\n________________________________\n{_head('English')}"), said(WORDS)),
        Sample("signature after dashes", mail(f"{WORDS}\n\n-- \nAna Lopez\nMarlow Cycles\n"), said(WORDS)),
        Sample("sent from a phone", mail(f"{WORDS}\n\nSent from my iPhone\n\n{ATTRIBUTIONS['English']}\n{QUOTE}"), said(WORDS)),
        Sample("sent from a phone, in German", mail(f"{WORDS}\n\nVon meinem iPhone gesendet\n"), said(WORDS)),
        Sample(
            "notice at the end", mail(f"{WORDS}\n\nCONFIDENTIALITY NOTICE: this message is for the named person only.\nDelete it otherwise.\n"), said(WORDS)
        ),
        Sample("notice in German", mail(f"{WORDS}\n\nDiese E-Mail enthält vertrauliche Informationen und ist nur für Sie.\n"), said(WORDS)),
        Sample("html of a web mail program", mail(gmail, kind=html), said(WORDS)),
        Sample("html of an office program", mail(outlook, kind=html), said(WORDS)),
        Sample("html of a phone", mail(apple, kind=html), said(WORDS)),
        Sample("words that look like an attribution", mail("On Tuesday I wrote:\nthe bell is loose"), said("On Tuesday I wrote:\nthe bell is loose")),
        Sample(
            "words that begin with From", mail("From: next week on we need two stands.\nThank you"), said("From: next week on we need two stands.\nThank you")
        ),
        Sample(
            "one's own earlier words",
            mail("Hello,\n\nOn 3 May at 10:30 we wrote:\n\nplease send the part."),
            said("Hello,\n\nOn 3 May at 10:30 we wrote:\n\nplease send the part."),
        ),
        Sample(
            "answers between, without marks",
            mail(f"My answers are below in red.\n\n{_head('English')}Answer: from Friday on."),
            said(has=["below in red", "from Friday on"], reply_text=None),
        ),
        Sample("dashes between two thoughts", mail("Part one\n--\nPart two"), said("Part one\n--\nPart two")),
        Sample("list with dashes", mail("We need:\n- a bell\n- a lamp\n- two tyres"), said("We need:\n- a bell\n- a lamp\n- two tyres")),
        Sample("comparison at the start of a line", mail("Pressure must be\n> 3 bar\nbut is less"), said("Pressure must be\n> 3 bar\nbut is less")),
        Sample("nothing but a quote", mail(f"{ATTRIBUTIONS['English']}\n{QUOTE}"), said(reply_text=None)),
    ]


def languages() -> list[Sample]:
    """Attributions and headings of many languages."""
    attributed = [Sample(f"attribution, {name}", mail(f"{WORDS}\n\n{line}\n\n{QUOTE}"), said(WORDS)) for name, line in ATTRIBUTIONS.items()]
    unmarked = [
        Sample(f"attribution without marks, {name}", mail(f"{WORDS}\n\n{line}\n\nNo free stand.\n"), said(WORDS)) for name, line in ATTRIBUTIONS.items()
    ]
    headed = [Sample(f"heading, {name}", mail(f"{WORDS}\n\n{_head(name)}"), said(WORDS)) for name in HEADINGS]
    return attributed + unmarked + headed


def forwards() -> list[Sample]:
    """Forwarded mail: its text is the message, and who wrote it is known."""
    block = "---------- Forwarded message ---------\nFrom: Cy Doe <cy@example.org>\nDate: Mon, 2 Nov 2026\nSubject: Chain\nTo: Ana Lopez <ana@marlow-cycles.example>\n\nThe chain is torn.\n"
    apple = "Begin forwarded message:\n\nFrom: Cy Doe <cy@example.org>\nSubject: Chain\nDate: 2 November 2026\nTo: Ana\n\nThe chain is torn.\n"
    inner = mail("The chain is torn.", subject="Chain", sender="Cy Doe <cy@example.org>").decode()
    fwd: dict[str, Any] = {"sender": "ana@marlow-cycles.example", "automatic": "no", "is_forward": True, "forwarded": "cy@example.org"}
    return [
        Sample(
            "forward of a web mail program",
            mail(f"Please see below.\n\n{block}", subject="Fwd: Chain"),
            fwd | {"has": ["Please see", "The chain is torn."], "forwarded_subject": "Chain"},
        ),
        Sample("forward of a phone", mail(apple, subject="Fwd: Chain"), fwd | {"has": ["The chain is torn."]}),
        Sample(
            "forward of an office program",
            mail(_head("German", address="cy@example.org"), subject="WG: Kette"),
            fwd | {"has": ["The workshop has no free stand."]},
        ),
        Sample(
            "forward as an attachment",
            several("mixed", part("text/plain", "See this."), part("message/rfc822", inner), subject="Fwd: Chain"),
            fwd | {"attachments": ["Chain.eml"], "has": ["See this."]},
        ),
        Sample(
            "answer to a forward",
            mail(
                f"{WORDS}\n\n{ATTRIBUTIONS['English']}\n> ---------- Forwarded message ---------\n> From: Cy Doe <cy@example.org>\n", subject="Re: Fwd: Chain"
            ),
            said(WORDS, subject="Re: Fwd: Chain", is_forward=False),
        ),
    ]


def automatic() -> list[Sample]:
    """What machines write: absences, lists, receipts, notices."""

    def by(verdict: str, name: str, extra: str = "", **given: str) -> Sample:
        return Sample(name, mail("I am away until Monday.", extra=extra, **given), {"automatic": verdict})

    receipt = bundle(
        part("text/plain", "Your mail was read."),
        part("message/disposition-notification", "Final-Recipient: rfc822;ana@marlow-cycles.example\nDisposition: manual-action/MDN-sent-manually; displayed"),
        mark="r",
    )
    reply = "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ana@marlow-cycles.example\nEND:VEVENT\nEND:VCALENDAR"
    return [
        *(by("reply", f"away: {subject}", subject=subject) for subject in AWAY),
        by("reply", "auto-replied", "Auto-Submitted: auto-replied\n"),
        by("reply", "auto-replied with a comment", "auto-submitted: Auto-Replied (vacation)\n"),
        by("reply", "x-autoreply", "X-Autoreply: yes\n"),
        by("reply", "x-autorespond", "X-Autorespond: Brake squeaks\n"),
        by("reply", "away, then the old subject", subject="Out of Office Re: Brake squeaks"),
        by("reply", "precedence auto_reply", "Precedence: auto_reply\n"),
        by("reply", "away without a return path", "Return-Path: <>\n", subject="Out of office until Monday"),
        by("notice", "auto-generated", "Auto-Submitted: auto-generated\n"),
        by("notice", "no return path", "Return-Path: <>\n"),
        by("notice", "no-reply address", sender="Alerts <no-reply@example.org>"),
        by("notice", "asks for no answer", "X-Auto-Response-Suppress: All\n"),
        by("notice", "asks to prove oneself", "Precedence: normal\n", subject="Please confirm your message", sender="challenge@example.org"),
        by("list", "precedence bulk", "Precedence: bulk\n"),
        by("list", "list id", "List-Id: Riders <riders.example.org>\n"),
        by("list", "unsubscribe header", "List-Unsubscribe: <https://example.org/u>\n"),
        by("list", "feedback id", "Feedback-ID: 1:2:3:example\n"),
        Sample(
            "receipt",
            mail(receipt, kind="multipart/report; report-type=disposition-notification; boundary=r", subject="Read: Brake squeaks"),
            {"automatic": "receipt"},
        ),
        Sample(
            "answer to an invitation",
            several("alternative", part("text/plain", "Ana has accepted."), part("text/calendar; method=REPLY", reply), subject="Accepted: Brake talk"),
            {"automatic": "notice"},
        ),
    ]


def people() -> list[Sample]:
    """People who write about what machines write, or with headers that look odd: never taken for machines."""

    def by_hand(subject: str, extra: str = "") -> Sample:
        return Sample(
            f"a person: {subject}{extra.strip()[:40]}",
            mail(subject=subject, extra=extra),
            {"automatic": "no", "sender": "ana@marlow-cycles.example", "subject": subject},
        )

    subjects = (
        *(
            "Out of office sign on door 3 is broken",
            "Re: Automatic reply: Brake squeaks",
            "How do I set an automatic reply?",
            "Abwesend am Freitag",
            "Absence of Mr Doe in the plan",
        ),
        *(
            "Undelivered parcel from Berlin",
            "Mail delivery failed three times, please help",
            "Read: the manual for bike 7",
            "Delivery report missing for order 12",
            "Failure notice on the lift",
            "Confirm your message got through?",
        ),
    )
    return [
        *(by_hand(subject) for subject in subjects),
        by_hand("Brake squeaks", "Auto-Submitted: no\n"),
        by_hand("Brake squeaks", "Precedence: first-class\n"),
        by_hand("Brake squeaks", "Return-Path: <ana@marlow-cycles.example>\n"),
        by_hand("Brake squeaks", "X-Auto-Response-Suppress: None\n"),
        by_hand("Brake squeaks", "X-Auto-Response-Suppress: OOF\n"),
        by_hand("Brake squeaks", "Disposition-Notification-To: " + ANA + "\n"),
    ]
