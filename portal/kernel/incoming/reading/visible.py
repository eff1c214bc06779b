"""What the writer of a mail added this time: without the mails below, signatures and notices. Linear in the length of the text.

Our own rules go line by line and know the words of sixteen languages; for what they do not recognise mail-parser-reply is asked,
a single short line at a time, because its patterns can take minutes on a page.
"""

import re
from dataclasses import dataclass

from portal.kernel.incoming.reading import wordings as w
from portal.kernel.incoming.reading.wordings import either

MOST_ASKED = 5
"""Lines of a mail that the library is asked about."""
LIBRARY_LANGUAGES = ["en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "pl", "cs", "ko", "ja", "zh"]

_ORIGINAL = re.compile(rf"^\s*[-_=*]{{2,}}\s*({either(w.ORIGINAL, w.FORWARDED)})\s*:?\s*[-_=*]{{2,}}\s*$", re.IGNORECASE)
FORWARD = re.compile(rf"^\s*[-_=*]{{2,}}\s*({either(w.FORWARDED)})\s*:?\s*[-_=*]{{2,}}\s*$|^\s*({either(w.FORWARD_BEGINS)})\s*:\s*$", re.IGNORECASE)
_FROM_LINE = re.compile(rf"^[\s>*]*(?:{either(w.FROM)})\s*\*?\s*[:：]\*?\s*(\S.{{0,300}})$", re.IGNORECASE)
_OTHER_LINE = re.compile(rf"^[\s>*]*(?:{either(w.OTHER_HEADERS, w.SUBJECT)})\s*\*?\s*[:：]", re.IGNORECASE)
SUBJECT_LINE = re.compile(rf"^[\s>*]*(?:{either(w.SUBJECT)})\s*\*?\s*[:：]\*?\s*(.{{0,300}})$", re.IGNORECASE)
_OPENS = re.compile(rf"^\s*(?:(?:{either(w.ATTRIBUTION_OPENS)})\b|在|于|\d{{1,4}}[-./年])", re.IGNORECASE)
_WROTE = re.compile(rf"({either(w.WROTE)})\s*[:：]\s*$|<[^<>\s@]{{1,100}}@[^<>\s@]{{1,100}}>\s*[:：]\s*$", re.IGNORECASE)
_ONESELF = re.compile(
    r"\b(?:I|we|you|they|he|she|it|(?:the|my|our) \w{1,30}) (?:wrote|writes)|"
    r"schrieb(?:en)? (?:ich|wir|er|sie|mir|uns|mein\w{0,2}|unser\w{0,2})\b|\b(?:j['’]ai|nous avons|vous avez|il a|elle a) écrit",
    re.IGNORECASE,
)
_ANSWERS_BELOW = re.compile(
    r"\b(?:answers?|comments?|repl(?:y|ies)|remarks?|see|my notes)\b.{0,40}\b(?:below|in-?line|between|in (?:red|blue|green))\b"
    r"|\b(?:antworten?|anmerkungen|kommentare?|siehe)\b.{0,40}\b(?:unten|in rot|in blau|im text)\b"
    r"|\b(?:réponses?|voir)\b.{0,40}\b(?:ci-dessous|en rouge|en bleu)\b"
    r"|\b(?:respuestas?|ver)\b.{0,40}\b(?:abajo|en rojo|en azul)\b|\b(?:risposte|vedi)\b.{0,40}\b(?:sotto|in rosso)\b"
    r"|\b(?:antwoorden|zie)\b.{0,40}\b(?:hieronder|in het rood)\b",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\d[:.h]\d\d|@")
_SPEAKS = re.compile(r"\b(?:I|we|you|please|ich|wir|bitte|je|nous|yo)\b", re.IGNORECASE)
_TIMED = re.compile(r"\d[:.h]\d\d|\b20\d\d\b")
_RULE = re.compile(r"^\s*[_\-=]{10,}\s*$")
_QUOTE = re.compile(r"^\s{0,3}[>|]")
_ARMOUR = re.compile(
    r"^-----BEGIN PGP SIGNED MESSAGE-----\n(?:Hash: .{0,60}\n)?\n?|^-----BEGIN PGP SIGNATURE-----\n(?:[^\n]{0,80}\n){0,40}?-----END PGP SIGNATURE-----",
    re.MULTILINE,
)
_DASHES = re.compile(r"^\s{0,2}(-- ?|--|—|_{2,5})\s*$")
_DEVICE = re.compile(rf"^\W{{0,3}}({either(w.DEVICE)})", re.IGNORECASE)
_NOTICE = re.compile(rf"^\W{{0,4}}({either(w.NOTICE)})", re.IGNORECASE)


@dataclass(frozen=True)
class Quoted:
    """Where an older mail stands in the text: first line, and the first line after its heading."""

    start: int
    after: int
    headed: bool


def reply_of(text: str, *, is_forward: bool = False) -> str:
    """The writer's own words; all of a forwarded mail; empty only when there are none."""
    if is_forward:
        return _trimmed(text.split("\n"))
    text = _ARMOUR.sub("", text)
    lines = text.split("\n")
    found = first_quoted(lines)
    own = _own_lines(lines, found) if found else _by_library(lines)
    reply = _unsigned(own)
    # Quote marks without anybody named before them may be the writer's own way of setting words apart.
    return reply if reply or (found and found.after > found.start) else _trimmed(lines)


def first_quoted(lines: list[str]) -> Quoted | None:
    """Where the first older mail begins: a heading, an attribution or a run of quote marks."""
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if _ORIGINAL.match(line) or FORWARD.match(line):
            return Quoted(number, number + 1, headed=True)
        if _FROM_LINE.match(line) and is_heading(lines, number):
            return Quoted(_before_rule(lines, number), number + 1, headed=True)
        if (end := _attribution_end(lines, number)) is not None:
            return Quoted(number, end + 1, headed=False)
        if _QUOTE.match(line):
            return Quoted(number, number, headed=False)
    return None


def is_heading(lines: list[str], number: int) -> bool:
    """Whether a "From:" line stands in a block of mail headers, in any of the languages."""
    near = [line for line in lines[number + 1 : number + 9] if line.strip()][:6]
    others = sum(bool(_OTHER_LINE.match(line)) for line in near)
    # From, to and date alone may be those of a journey.
    return others >= 2 and any("@" in line or SUBJECT_LINE.match(line) for line in (lines[number], *near))


def _before_rule(lines: list[str], number: int) -> int:
    back = number - 1
    while back >= 0 and number - back < 4 and _OTHER_LINE.match(lines[back]):
        back, number = back - 1, back  # some programs name the day first
    while back >= 0 and back >= number - 3 and not lines[back].strip():
        back -= 1
    return back if back >= 0 and _RULE.match(lines[back]) else number


def _attribution_end(lines: list[str], number: int) -> int | None:
    """The last line of "On Monday at 9:10 somebody wrote:", which programs wrap over up to four lines; None when it is none."""
    if not _OPENS.match(lines[number]) and not _WROTE.search(lines[number][-120:]):
        return None
    joined = ""
    for end in range(number, min(number + 4, len(lines))):
        if not lines[end].strip():
            return None
        joined = f"{joined} {lines[end].strip()}"[-600:]
        if found := _WROTE.search(joined[-200:]):
            follows = next((line for line in lines[end + 1 : end + 4] if line.strip()), "")
            # An address and a colon alone may begin what is to be said about somebody.
            dated = re.search(r"\d", joined) if found[1] else _TIMED.search(joined) and not _SPEAKS.search(joined)
            return end if dated or _QUOTE.match(follows) else None
    return None


def _own_lines(lines: list[str], found: Quoted) -> list[str]:
    above = lines[: found.start]
    if _ANSWERS_BELOW.search(" ".join(above)[:600]) and not any(_QUOTE.match(line) for line in lines[found.start :]):
        return lines
    if found.headed:
        # With nothing above, what was written may stand anywhere below, and nothing tells it from the older mail.
        return above if _has_words(above) else lines
    below = lines[found.after :]
    answers = _unsigned(_unquoted(below))
    if not answers.strip():
        return above
    if not any(_QUOTE.match(line) for line in below):
        attribution = " ".join(lines[found.start : found.after])
        return above if _has_words(above) and _MOMENT.search(attribution) and not _ONESELF.search(attribution) else lines
    if found.after == found.start and _has_words(above):
        return [*above, *_without_last_quote(below)]
    if not _has_words(above) and _one_run_first(below):
        return _unquoted(below)
    if _interleaved(below):
        return [*above, *_without_last_quote(below)]
    return [*above, *_unquoted(below)]


def _has_words(lines: list[str]) -> bool:
    return any(re.search(r"\w", line) for line in lines)


def _unquoted(lines: list[str]) -> list[str]:
    return [line for line in lines if not _QUOTE.match(line)]


def _runs(lines: list[str]) -> list[bool]:
    """The turns between quoted (True) and own lines; empty lines belong to what is before."""
    turns: list[bool] = []
    for line in lines:
        if line.strip() and (not turns or turns[-1] != bool(_QUOTE.match(line))):
            turns.append(bool(_QUOTE.match(line)))
    return turns


def _one_run_first(lines: list[str]) -> bool:
    return _runs(lines)[:3] in ([True, False], [False])


def _interleaved(lines: list[str]) -> bool:
    return _runs(lines).count(True) > 1


def _without_last_quote(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and (not lines[end - 1].strip() or _QUOTE.match(lines[end - 1])):
        end -= 1
    return lines[:end]


def _by_library(lines: list[str]) -> list[str]:
    """The lines above one that the library takes for an attribution; it is shown a line at a time, since its patterns can take cubic time."""
    likely = [n for n, line in enumerate(lines) if n and len(line) <= 160 and re.search(r"\d.*[:：]\s*$", line) and _has_words(lines[:n][-20:])]
    if not likely:
        return lines
    from mailparser_reply import EmailReplyParser

    parser = EmailReplyParser(languages=LIBRARY_LANGUAGES)
    cut = next((n for n in likely[:MOST_ASKED] if _MOMENT.search(lines[n]) and len(parser.read(f"Words\n\n{lines[n].strip()}\n\nWords").replies) > 1), None)
    return lines[:cut]


def _unsigned(lines: list[str]) -> str:
    """Without signature, device line and notices at the end; when nothing else is left, nothing is taken away."""
    kept = _without_device(_until_signature(lines))
    kept = _until_notice(kept)
    while kept and (not kept[-1].strip() or _is_device(kept[-1]) or _RULE.match(kept[-1])):
        kept = kept[:-1]
    return _trimmed(kept)


def _until_signature(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if number and _DASHES.match(line) and (line == "-- " or _stands_apart(lines, number)) and _has_words(lines[:number]):
            rest = [one for one in lines[number + 1 :] if one.strip()]
            if len(rest) <= 15 and not any(_DASHES.match(one) for one in rest):
                return lines[:number]
    return lines


def _stands_apart(lines: list[str], number: int) -> bool:
    """Whether a rule begins a signature: an empty line above and none below. Two dashes and a blank are its mark wherever they stand."""
    return not lines[number - 1].strip() and bool("".join(lines[number + 1 : number + 2]).strip())


def _is_device(line: str) -> bool:
    # A small first letter goes on with the sentence above.
    return len(line) <= 120 and _DEVICE.match(line) is not None and not re.match(r"\W{0,3}(?!iphone)[a-z]", line)


def _without_device(lines: list[str]) -> list[str]:
    """Without the line that a telephone adds, where it stands apart; what somebody wrote below it is theirs."""
    padded = ["", *lines, ""]
    apart = [not padded[n].strip() and not padded[n + 2].strip() and _is_device(line) for n, line in enumerate(lines)]
    return [line for line, gone in zip(lines, apart, strict=True) if not gone]


def _until_notice(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        starts = number == 0 or not lines[number - 1].strip()
        if starts and _NOTICE.match(line) and _has_words(lines[:number]):
            return lines[:number]
    return lines


def _trimmed(lines: list[str]) -> str:
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
