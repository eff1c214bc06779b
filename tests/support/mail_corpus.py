"""A corpus of odd mail, and a thousand more made from it, always the same for the same seed."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from portal.kernel.incoming.reading import Reading
from tests.support.mail_answers import automatic, forwards, languages, people, replies
from tests.support.mail_bounces import bounces
from tests.support.mail_kinds import Sample, charsets, headers, parts

__all__ = ["Sample", "corpus", "differences", "thousand"]

Change = Callable[[random.Random, bytes], bytes]


def corpus() -> list[Sample]:
    """Every kind once."""
    return [sample for group in (charsets, headers, parts, replies, languages, forwards, automatic, people, bounces) for sample in group()]


def thousand(seed: int) -> Iterator[Sample]:
    """A thousand odd mails: each kind with changes that leave its sense, and some damaged ones that only have to be survived."""
    dice, kinds = random.Random(seed), corpus()
    for number in range(1_000):
        kind = kinds[number % len(kinds)]
        if number % 5 == 4:
            yield Sample(f"{number}: {kind.name}, damaged", dice.choice(DAMAGES)(dice, kind.raw))
        else:
            yield Sample(f"{number}: {kind.name}", dice.choice(CHANGES)(dice, kind.raw), kind.expect)


def _same(_dice: random.Random, raw: bytes) -> bytes:
    return raw


def _carriage(_dice: random.Random, raw: bytes) -> bytes:
    return raw if b"\r" in raw else raw.replace(b"\n", b"\r\n")


def _relayed(dice: random.Random, raw: bytes) -> bytes:
    if not raw.startswith((b"From: ", b"To: ")):
        return raw
    hop = f"Received: from a{dice.randrange(99)}.example.net by mx.example.org;\n\tMon, 2 Nov 2026 09:1{dice.randrange(9)}:00 +0100\n"
    return (hop * dice.randrange(1, 30)).encode() + raw


def _signed(dice: random.Random, raw: bytes) -> bytes:
    return raw.replace(
        b"MIME-Version: 1.0\n",
        f"DKIM-Signature: v=1; d=example.net; b={dice.randbytes(300).hex()}\nX-Spam-Score: {dice.random():.2f}\nMIME-Version: 1.0\n".encode(),
        1,
    )


def _shouting(_dice: random.Random, raw: bytes) -> bytes:
    return raw.replace(b"\nSubject: ", b"\nSUBJECT: ", 1).replace(b"\nContent-Type: ", b"\ncontent-type:", 1)


def _cut_off(dice: random.Random, raw: bytes) -> bytes:
    return raw[: dice.randrange(len(raw) + 1)]


def _overwritten(dice: random.Random, raw: bytes) -> bytes:
    whole = bytearray(raw)
    for _ in range(min(20, len(whole))):
        whole[dice.randrange(len(whole))] = dice.randrange(256)
    return bytes(whole)


def _shuffled(dice: random.Random, raw: bytes) -> bytes:
    lines = raw.split(b"\n")
    dice.shuffle(lines)
    return b"\n".join(lines)


def _doubled(_dice: random.Random, raw: bytes) -> bytes:
    return raw + raw


CHANGES: tuple[Change, ...] = (_same, _carriage, _relayed, _signed, _shouting)
DAMAGES: tuple[Change, ...] = (_cut_off, _overwritten, _shuffled, _doubled)


def differences(reading: Reading, expect: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What was read otherwise than expected: (wanted, found) by aspect; empty when all is well."""
    found: dict[str, Any] = {
        "sender": reading.sender.address,
        "name": reading.sender.name,
        "attachments": [part.name for part in reading.attachments],
        "inline": [part.content_id for part in reading.attachments if part.inline],
        "to": [box.address for box in reading.to],
        "id": reading.message_id,
        "references": list(reading.references),
        "automatic": reading.automatic.value,
        "forwarded": reading.forwarded.address if reading.forwarded else None,
        "failures": [(failure.action, failure.status, failure.recipient) for failure in reading.failures],
        "has": [words for words in expect.get("has", ()) if words in reading.reply_text],
        "lacks": [words for words in expect.get("lacks", ()) if words not in reading.reply_text],
    }
    return {key: (want, got) for key, want in expect.items() if (got := found[key] if key in found else getattr(reading, key)) != want}
