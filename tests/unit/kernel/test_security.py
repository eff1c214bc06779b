"""The secret key, the names of the portal, and where passwords may travel."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.kernel import security
from portal.kernel.settings import Settings, SettingsError


def at(folder: Path, **values: object) -> Settings:
    return Settings(instance=folder, **values)  # type: ignore[arg-type]  # fields of several types


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """The second start signs with the same key, or everybody would be signed out."""
    first = security.secret_key(at(tmp_path / "new"))
    file = tmp_path / "new" / "secret.key"
    assert len(first) >= 43
    assert file.stat().st_mode & 0o777 == 0o600
    assert security.secret_key(at(tmp_path / "new")) == first
    assert [path.name for path in file.parent.iterdir()] == ["secret.key"]


def test_two_installations_never_share_a_key(tmp_path: Path) -> None:
    """There is no default."""
    assert security.secret_key(at(tmp_path / "a")) != security.secret_key(at(tmp_path / "b"))


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    """The first one wins, nobody replaces a key in use."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: security.secret_key(at(tmp_path)), range(8)))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_key_others_can_read_stops_the_start(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    security.secret_key(at(tmp_path))
    (tmp_path / "secret.key").chmod(mode)
    with pytest.raises(SettingsError, match="can be read by others; run: chmod 600"):
        security.secret_key(at(tmp_path))


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"\xff" * 10])
def test_a_damaged_key_stops_the_start(tmp_path: Path, content: bytes) -> None:
    """An empty key would let anybody sign cookies."""
    file = tmp_path / "secret.key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="is damaged"):
        security.secret_key(at(tmp_path))


def test_a_configured_key_needs_no_file(tmp_path: Path) -> None:
    """From the environment, as containers like it."""
    assert security.secret_key(at(tmp_path, secret_key="k" * 32)) == "k" * 32
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("base", "insecure", "allowed"),
    [
        ("https://hearth.marlow.example", False, True),
        ("http://127.0.0.1:8000", False, True),
        ("http://localhost:8000", False, True),
        ("http://hearth.localhost", False, True),
        ("http://192.168.1.5:8000", False, False),
        ("http://hearth.marlow.example", False, False),
        ("http://127.0.0.1.evil.example", False, False),
        ("http://localhost.evil.example", False, False),
        ("http://192.168.1.5:8000", True, True),
    ],
)
def test_passwords_travel_over_https_or_inside_this_machine(base: str, insecure: bool, allowed: bool) -> None:
    """Unless the operator said otherwise, in so many words."""
    assert security.sign_in_allowed(Settings(base_url=base, insecure_lan=insecure)) is allowed


def test_the_portal_answers_to_its_own_names() -> None:
    """The address people use, and this machine; "every address" is no name."""
    assert security.trusted_hosts(Settings(base_url="https://hearth.marlow.example", host="0.0.0.0")) == ["127.0.0.1", "hearth.marlow.example", "localhost"]
