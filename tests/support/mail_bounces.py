"""Mail as it comes, third part: reports about mail that did not arrive, of many systems. Every text is ours."""

from tests.support.mail_kinds import Sample, bundle, mail, part

DEAD = "dan@example.net"
OURS = "From: Desk <desk@marlow-cycles.example>\nTo: dan@example.net\nSubject: Your request\nMessage-ID: <out.7@marlow-cycles.example>\nX-Hearth-Mail: 7\n"
EMPTY = "Return-Path: <>\n"


def _report(*recipients: tuple[str, str, str], original: str = OURS, kind: str = "message/rfc822") -> bytes:
    blocks = "\n\n".join(
        f"Final-Recipient: rfc822;{address}\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; 550 {status} as the system says"
        for address, action, status in recipients
    )
    parts = (
        part("text/plain", "Your mail could not be delivered."),
        part("message/delivery-status", f"Reporting-MTA: dns; mx.example.net\n\n{blocks}"),
        part(kind, original + "\nWords.\n"),
    )
    return mail(
        bundle(*parts, mark="b"),
        kind="multipart/report; report-type=delivery-status; boundary=b",
        sender="MAILER-DAEMON@mx.example.net",
        subject="Undelivered Mail Returned to Sender",
        extra=EMPTY,
    )


def _words(sender: str, subject: str, text: str, extra: str = EMPTY) -> bytes:
    return mail(text, sender=sender, subject=subject, extra=extra)


def _bounce(*failures: tuple[str, str, str], **more: object) -> dict[str, object]:
    return {"automatic": "bounce", "failures": list(failures), **more}


def bounces() -> list[Sample]:
    """Reports by the standard, and of systems that never heard of it."""
    dead = ("failed", "5.1.1", DEAD)
    daemon = "MAILER-DAEMON@mx.example.net"
    return [
        Sample("report, unknown person", _report((DEAD, "failed", "5.1.1")), _bounce(dead, echoes={"x-hearth-mail": "7"})),
        Sample("report with headers only", _report((DEAD, "failed", "5.1.1"), kind="text/rfc822-headers"), _bounce(dead, echoes={"x-hearth-mail": "7"})),
        Sample(
            "report on two recipients",
            _report((DEAD, "failed", "5.1.1"), ("eve@example.net", "delayed", "4.4.1")),
            _bounce(dead, ("delayed", "4.4.1", "eve@example.net")),
        ),
        Sample("report of a delay", _report((DEAD, "delayed", "4.4.7")), _bounce(("delayed", "4.4.7", DEAD))),
        Sample("report of a policy", _report((DEAD, "failed", "5.7.1")), _bounce(("failed", "5.7.1", DEAD))),
        Sample("report of a full mail box", _report((DEAD, "failed", "5.2.2")), _bounce(("failed", "5.2.2", DEAD))),
        Sample("report of a delivery", _report((DEAD, "delivered", "2.0.0")), _bounce(("delivered", "2.0.0", DEAD))),
        Sample(
            "qmail",
            _words(
                daemon,
                "failure notice",
                f"Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message.\n\n<{DEAD}>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n{OURS}",
            ),
            _bounce(dead),
        ),
        Sample(
            "exim",
            _words(
                "Mail Delivery System <Mailer-Daemon@mx.example.net>",
                "Mail delivery failed: returning message to sender",
                f"This message was created automatically.\n\n  {DEAD}\n    host mx.example.net: 550 5.1.1 No such user\n",
                EMPTY + f"X-Failed-Recipients: {DEAD}\n",
            ),
            _bounce(dead),
        ),
        Sample(
            "an old Exchange",
            _words(
                "System Administrator <postmaster@example.net>",
                "Undeliverable: Your request",
                f"Your message did not reach some or all of the intended recipients.\n\n      {DEAD} on 02.11.2026 09:12\n            The e-mail account does not exist at the organization. <#5.1.1>\n",
            ),
            _bounce(dead),
        ),
        Sample(
            "postfix without parts",
            _words(
                daemon,
                "Undelivered Mail Returned to Sender",
                f"I'm sorry to have to inform you that your message could not be delivered.\n\n<{DEAD}>: host mx.example.net said: 550 5.1.1 <{DEAD}>: Recipient address rejected: User unknown\n",
            ),
            _bounce(dead),
        ),
        Sample(
            "a cloud sender",
            _words(
                "MAILER-DAEMON@mail.example.com",
                "Delivery Status Notification (Failure)",
                f"An error occurred while trying to deliver the mail to the following recipients:\n{DEAD}\n\n550 5.1.1 user unknown\n",
            ),
            _bounce(dead),
        ),
        Sample(
            "a web mail provider",
            _words(
                "Mail Delivery Subsystem <mailer-daemon@mail.example.com>",
                "Delivery Status Notification (Failure)",
                f"Address not found\n\nYour message wasn't delivered to {DEAD} because the address couldn't be found.\n\n550 5.1.1 The email account that you tried to reach does not exist.\n",
                EMPTY + f"X-Failed-Recipients: {DEAD}\n",
            ),
            _bounce(dead),
        ),
        Sample(
            "an office in the cloud",
            _words(
                "Microsoft Outlook <postmaster@example.net>",
                "Undeliverable: Your request",
                f"Your message to {DEAD} couldn't be delivered.\n{DEAD} wasn't found at example.net.\n\nRemote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'\n",
            ),
            _bounce(("failed", "5.1.10", DEAD)),
        ),
        Sample(
            "lotus domino",
            _words(
                "Postmaster@example.net",
                "DELIVERY FAILURE: User Dan Doe (dan@example.net) not listed in Domino Directory",
                f"Your message\n\n  Subject: Your request\n\nwas not delivered to:\n\n  {DEAD}\n\nbecause:\n\n  User Dan Doe not listed in Domino Directory\n",
            ),
            _bounce(dead),
        ),
        Sample(
            "sendmail, still trying",
            _words(
                daemon,
                "Warning: could not send message for past 4 hours",
                f"THIS IS A WARNING MESSAGE ONLY. YOU DO NOT NEED TO RESEND.\n\n   ----- Transient failures -----\n<{DEAD}>\n451 4.4.1 host not reachable, still trying\n",
            ),
            _bounce(("delayed", "4.4.1", DEAD)),
        ),
        Sample(
            "in German",
            _words("postmaster@example.net", "Unzustellbar: Ihre Anfrage", f"Ihre Nachricht an {DEAD} konnte nicht zugestellt werden.\n550 5.1.1\n"),
            _bounce(dead),
        ),
        Sample("full mail box in words", _words(daemon, "Mail delivery failed", f"<{DEAD}>: mailbox is full\n"), _bounce(("failed", "4.2.2", DEAD))),
        Sample(
            "delivery report without fields",
            mail(
                bundle(part("text/plain", "Failed."), part("message/delivery-status", "nonsense"), mark="b"),
                kind="multipart/report; report-type=delivery-status; boundary=b",
                sender=daemon,
            ),
            {"automatic": "bounce"},
        ),
    ]
