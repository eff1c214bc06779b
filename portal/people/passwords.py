"""Passwords: argon2id with bounded memory, a block list, and the same work for an account that does not exist.

Sources: NIST SP 800-63B-4 section 3.1.1 (length, block list, no composition rules), OWASP ASVS 5.0 appendix C (parameters).
"""

import threading
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from portal.kernel.errors import Refusal
from portal.kernel.messages import say
from portal.people.rules import folded

SHORTEST, LONGEST = 15, 256
"""Characters; 15 because the password is the only factor."""
AT_ONCE = 2
"""Hashes under way at the same time; each takes 19 MiB and about 50 ms."""


@dataclass(frozen=True)
class Cost:
    """Parameters of argon2id."""

    memory_kib: int = 19 * 1024
    rounds: int = 2
    lanes: int = 1


class Hasher:
    """Hashes and checks passwords, at most two at a time."""

    def __init__(self, cost: Cost) -> None:
        self._argon = PasswordHasher(time_cost=cost.rounds, memory_cost=cost.memory_kib, parallelism=cost.lanes, hash_len=32, salt_len=16, type=Type.ID)
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._dummy = self._argon.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """The text to store for ``password``."""
        with self._turns:
            return self._argon.hash(_whole(password))

    def verify(self, password: str, stored: str | None) -> bool:
        """True when ``password`` belongs to ``stored``; without a stored hash the same work is done and the answer is no."""
        with self._turns:
            try:
                self._argon.verify(stored or self._dummy, _whole(password))
                return stored is not None
            except (VerificationError, InvalidHashError):
                return False

    def is_stale(self, stored: str) -> bool:
        """True when ``stored`` was made with other parameters than today's."""
        return self._argon.check_needs_rehash(stored)


_current: Hasher | None = None
_guard = threading.Lock()


def hasher() -> Hasher:
    """The hasher of this process."""
    global _current  # noqa: PLW0603  # made once: the dummy hash costs as much as a sign-in
    with _guard:
        if _current is None:
            _current = Hasher(Cost())
        return _current


def use_cost_for_tests(cost: Cost) -> None:
    """Replace the parameters; the only way to lower them, and no setting reaches it."""
    global _current  # noqa: PLW0603  # see above
    with _guard:
        _current = Hasher(cost)


def _whole(password: str) -> str:
    # The same keys give different code points on different systems; compatibility composition makes them one.
    return unicodedata.normalize("NFKC", password)


def check(password: str, about: Iterable[str] = ()) -> None:
    """Raise Refusal for a password that is too short, too long, common, or made of the words in ``about`` (company, names, address)."""
    length = len(_whole(password))
    if length < SHORTEST:
        raise Refusal(say("Use at least %(number)d characters. Four or five words in a row are fine, spaces count.", number=SHORTEST), field="password")
    if length > LONGEST:
        raise Refusal(say("That is longer than %(number)d characters. A shorter one is safe enough.", number=LONGEST), field="password")
    if is_common(password, about):
        raise Refusal(say("This one is easy to guess: it is on a list of common passwords or made of words about you. Choose other words."), field="password")


def is_common(password: str, about: Iterable[str] = ()) -> bool:
    """True when little is left of ``password`` once common passwords, keyboard runs, repeats and words about its owner are taken away."""
    plain = _unleet(folded(_whole(password)))
    if plain in common() or plain.strip("0123456789!.?*#-_ ") in common():
        return True
    known = sorted({word for text in about for word in _parts(text)} | common(), key=len, reverse=True)
    rest = plain
    for word in known:
        if word in rest:
            rest = rest.replace(word, "\n")
    rest = "".join(c for c in rest if c.isalpha())
    return len(rest) < 5 or len(set(plain)) < 5 or _is_repeat(plain)


def _parts(text: str) -> set[str]:
    plain = folded(text)
    for mark in "@.-_+'":
        plain = plain.replace(mark, " ")
    return {word for word in plain.split() if len(word) >= 3}


def _is_repeat(text: str) -> bool:
    size = next((n for n in range(1, len(text) // 2 + 1) if (text[:n] * (len(text) // n + 1))[: len(text)] == text), 0)
    return 0 < size <= 6


_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})


def _unleet(text: str) -> str:
    """Digits in the place of letters read as letters, when letters stand beside them; runs of digits stay."""
    signs = list(text)
    for place, sign in enumerate(signs):
        beside = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        if sign in "013457@$!" and len(beside) == 2 and beside.isalpha():
            signs[place] = sign.translate(_LEET)
    return "".join(signs)


@lru_cache(maxsize=1)
def common() -> frozenset[str]:
    """The shipped list: words and runs that common passwords are made of, small letters, four characters or more."""
    text = resources.files("portal.people").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
