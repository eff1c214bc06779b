"""Passwords: length, the block list, hashing, and the work done for accounts that do not exist."""

import threading
from collections.abc import Iterator

import pytest

from portal.kernel.errors import Refusal
from portal.people import passwords

ABOUT = ("Mara Okafor", "mara.okafor@marlow.example", "Marlow Cycles", "Hearth")


@pytest.fixture(autouse=True)
def _cheap() -> Iterator[None]:
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8, rounds=1))
    yield
    passwords.use_cost_for_tests(passwords.Cost(memory_kib=8, rounds=1))


@pytest.mark.parametrize(
    "password",
    [
        "tandem over the old bridge",
        "kohlrabi spoon telescope",
        "fünf Äpfel im Regen",
        "x7#Kq!vR2$mPz9&L",
        "пятнадцать букв и пробелы",
        "🚲🚲 on the long road home",
        "a" * 5 + "zwiebelkuchen",
    ],
)
def test_long_words_of_any_kind_are_fine(password: str) -> None:
    """No rules about signs; spaces, accents and other alphabets count."""
    passwords.check(password, ABOUT)


@pytest.mark.parametrize("password", ["", "short", "fourteen chars"])
def test_fewer_than_fifteen_characters_are_refused(password: str) -> None:
    """Fifteen, because the password is the only factor (NIST SP 800-63B-4)."""
    with pytest.raises(Refusal, match="characters"):
        passwords.check(password)


def test_the_longest_password_is_taken_and_one_more_is_not() -> None:
    """256 characters, and the sentence says so."""
    long = ("kohlrabi spoon telescope " * 20)[:256]
    passwords.check(long)
    with pytest.raises(Refusal):
        passwords.check(long + "x")


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "Password12345678",
        "P4ssw0rdP4ssw0rd!",
        "qwertyuiop123456",
        "aaaaaaaaaaaaaaaa",
        "abababababababab",
        "1234567890123456",
        "correct horse battery staple",
        "MaraOkafor2026!!!",
        "Marlow Cycles 2026",
        "hearthhearthhearth",
        "Welcome2026Welcome",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    """Common words, keyboard runs, repeats, the company and the person, also with digits for letters."""
    with pytest.raises(Refusal, match="easy to guess"):
        passwords.check(password, ABOUT)


def test_a_password_opens_its_own_hash_only() -> None:
    """Every character counts, up to the last one."""
    hasher = passwords.hasher()
    stored = hasher.hash("tandem over the old bridge")
    assert stored.startswith("$argon2id$")
    assert hasher.verify("tandem over the old bridge", stored)
    assert not hasher.verify("tandem over the old bridgE", stored)
    assert not hasher.verify("tandem over the old bridge ", stored)
    assert not hasher.verify("", stored)


def test_the_same_letters_typed_differently_are_the_same_password() -> None:
    """An ä as one sign or as a with dots."""
    hasher = passwords.hasher()
    assert hasher.verify("fünf Äpfel im Regen", hasher.hash("fünf Äpfel im Regen"))


def test_nothing_opens_an_account_without_a_hash() -> None:
    """The dummy hash is checked for the time it takes; even its own password opens nothing."""
    hasher = passwords.hasher()
    assert not hasher.verify("nobody has this password", None)
    assert not hasher.verify("anything", "not a hash")


def test_parameters_are_those_of_the_standard() -> None:
    """argon2id, 19 MiB, two rounds, one lane; stored ones with other parameters are renewed."""
    weak = passwords.hasher().hash("tandem over the old bridge")
    strong = passwords.Hasher(passwords.Cost())
    assert strong.is_stale(weak)
    assert "m=19456,t=2,p=1" in strong.hash("tandem over the old bridge")


def test_at_most_two_hashes_run_at_once() -> None:
    """Sixteen at the door need the memory of two."""
    hasher = passwords.Hasher(passwords.Cost(memory_kib=8, rounds=1))
    running, most, guard = 0, 0, threading.Lock()
    real = hasher._argon.verify

    class Watched:
        def verify(self, *args: str) -> bool:
            nonlocal running, most
            with guard:
                running += 1
                most = max(most, running)
            try:
                return real(*args)
            finally:
                with guard:
                    running -= 1

    hasher._argon = Watched()  # type: ignore[assignment]  # looks on, changes nothing
    threads = [threading.Thread(target=hasher.verify, args=("x", None)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2
