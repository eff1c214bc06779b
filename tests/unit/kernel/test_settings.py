"""Settings: environment over file over defaults, and each wrong value is one line that names it."""

from pathlib import Path
from typing import Any

import pytest

from portal.kernel import settings
from portal.kernel.settings import Settings, SettingsError, load


def written(folder: Path, text: str) -> Path:
    file = folder / "hearth.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_anything_the_portal_runs_on_this_machine(tmp_path: Path) -> None:
    """One command is enough: SQLite, loopback, two neighbouring ports, another host for uploads."""
    found = load({}, instance=tmp_path)
    assert found.database == f"sqlite:///{tmp_path / 'portal.db'}"
    assert found.sqlite_file == tmp_path / "portal.db"
    assert (found.base_url, found.content_base) == ("http://127.0.0.1:8000", "http://localhost:8001")
    assert found.is_sqlite
    assert not found.secure


def test_the_environment_wins_over_the_file_and_the_command_over_both(tmp_path: Path) -> None:
    """An operator changes one thing for one start without touching the file."""
    file = written(tmp_path, 'company = "Marlow"\nthreads = 4\nworker = false\n')
    found = load({"HEARTH_THREADS": "6", "HEARTH_WORKER": "yes"}, file, instance=tmp_path, company="Marlow Cycles")
    assert (found.company, found.threads, found.worker) == ("Marlow Cycles", 6, True)


def test_the_folder_of_the_instance_leads_to_its_file(tmp_path: Path) -> None:
    """``--instance`` or HEARTH_INSTANCE is all one has to say."""
    written(tmp_path, 'company = "Marlow"\n')
    assert load({"HEARTH_INSTANCE": str(tmp_path)}).company == "Marlow"
    assert load({}, instance=tmp_path).company == "Marlow"


@pytest.mark.parametrize(
    ("values", "address"),
    [({"port": 9000}, "http://127.0.0.1:9000"), ({"port": "9000", "base_url": "https://hearth.marlow.example"}, "https://hearth.marlow.example")],
)
def test_another_port_moves_the_address_unless_it_was_given(tmp_path: Path, values: dict[str, Any], address: str) -> None:
    """Links in mail lead to where the portal really is."""
    assert load({}, instance=tmp_path, **values).base_url == address


WRONG = [
    ("port", "eight", "port is 'eight'; write a whole number."),
    ("port", "0", "port is 0; choose one between 1 and 65534 (uploads use the next one)."),
    ("port", "65535", "port is 65535; choose one between 1 and 65534 (uploads use the next one)."),
    ("port", "8_0", "port is '8_0'; write a whole number."),
    ("threads", "0", "threads is 0; choose a number from 1 to 256."),
    ("upload_limit_mb", "9999", "upload_limit_mb is 9999; choose a number from 1 to 1024."),
    ("trusted_proxies", "-1", "trusted_proxies is -1; choose a number from 0 to 10."),
    ("worker", "perhaps", "worker is 'perhaps'; write true or false."),
    ("base_url", "hearth.example.com", "base_url is 'hearth.example.com'; write it like https://hearth.example.com, without a path."),
    ("base_url", "https://hearth.example.com/portal", "without a path."),
    ("base_url", "https://hearth.example.com:port", "without a path."),
    ("base_url", "", "without a path."),
    ("base_url", "http://[::1]:8000", "write a name instead of an IPv6 address"),
    ("base_url", "http://[::1:8000", "without a path."),
    ("content_url", "ftp://files.example.com", "content_url is 'ftp://files.example.com'; write it like"),
    ("zone", "Berlin", "zone is 'Berlin'; write a name such as Europe/Berlin."),
    ("zone", "../../etc/passwd", "write a name such as Europe/Berlin."),
    ("locale", "german please", "locale is 'german please'; write a language such as en or de."),
    ("country", "Germany", "country is 'Germany'; write two capital letters such as DE."),
    ("company", " ", "company is empty or has more than one line; write the name people know."),
    ("database_url", "mysql://root@localhost/x", "database_url must look like postgresql+psycopg://name:password@host/database, or sqlite:///file."),
    ("database_url", "postgresql+psycopg://name@host:port[/x", "database_url must look like"),
    ("database_url", "sqlite:///:memory:", "database_url names no file"),
    ("smtp_url", "mail.example.com", "smtp_url must look like smtp://name:password@host:port, or smtps://."),
    ("mail_in_listen", "2525", "mail_in_listen is '2525'; write an address and a port, such as 127.0.0.1:2525."),
    ("mail_in_listen", "127.0.0.1:0", "write an address and a port"),
    ("mail_in_listen", "127.0.0.1:65536", "write an address and a port"),
    ("mail_in_listen", "fe80::1:2525", "write an address and a port"),
    ("mail_in_imap", "mail.example.com", "mail_in_imap must look like imaps://name:password@host/INBOX"),
    ("mail_in_imap", "imaps://mail.example.com/INBOX", "mail_in_imap must look like"),
    ("mail_in_imap", "imaps://desk:secret@mail.example.com", "mail_in_imap must look like"),
    ("mail_in_imap", "pop://desk:secret@mail.example.com/INBOX", "mail_in_imap must look like"),
    ("mail_in_imap", "imaps://desk%0D%0Ax:secret@mail.example.com/INBOX", "mail_in_imap must look like"),
    ("mail_in_imap", "imaps://desk:secret@mail.example.com:port/INBOX", "mail_in_imap must look like"),
    ("mail_from", "Hearth", "mail_from is 'Hearth'; write one mail address."),
    ("secret_key", "short", "secret_key is too short; use at least 32 characters, or leave it out and one is made."),
    ("log_level", "LOUD", "log_level is 'LOUD'; choose one of DEBUG, INFO, WARNING, ERROR."),
]


@pytest.mark.parametrize(("name", "value", "line"), WRONG)
def test_a_wrong_value_is_one_line_that_names_it(tmp_path: Path, name: str, value: str, line: str) -> None:
    """What was found and what is expected, whether it stands in the environment or in the file."""
    with pytest.raises(SettingsError) as from_environment:
        load({f"HEARTH_{name.upper()}": value}, instance=tmp_path)
    with pytest.raises(SettingsError) as from_file:
        load({}, written(tmp_path, f'{name} = "{value}"\n'), instance=tmp_path)
    assert line in str(from_environment.value)
    assert str(from_file.value) == str(from_environment.value)
    assert "\n" not in str(from_environment.value)


def test_secrets_are_never_repeated(tmp_path: Path) -> None:
    """A refusal may end up in a log."""
    given = [("database_url", "postgres://hearth:canary@db/x"), ("smtp_url", "http://hearth:canary@mail"), ("secret_key", "canary")]
    for name, value in (*given, ("mail_in_imap", "imap://hearth:canary@mail")):
        with pytest.raises(SettingsError) as refused:
            load({f"HEARTH_{name.upper()}": value}, instance=tmp_path)
        assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("prot = 8000\n", "has a setting we do not know: prot."),
        ("port = \n", "is not a TOML file we can read"),
        ("port = true\n", "port is True; write a whole number."),
        ("worker = 1\n", "worker is 1; write true or false."),
        ("company = 7\n", "company is 7; write it in quotes."),
        ("[server]\nport = 1\n", "has a setting we do not know: server."),
    ],
)
def test_a_file_with_a_slip_is_refused_in_one_line(tmp_path: Path, text: str, line: str) -> None:
    """Nothing in it is ignored in silence."""
    with pytest.raises(SettingsError) as refused:
        load({}, written(tmp_path, text))
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are no settings."""
    (tmp_path / "hearth.toml").write_bytes(b'company = "Stra\xdfe"\n')
    with pytest.raises(SettingsError, match="is not a TOML file we can read"):
        load({}, instance=tmp_path)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    """A missing file that was asked for is no default."""
    with pytest.raises(SettingsError, match="There is no settings file at"):
        load({}, tmp_path / "elsewhere.toml")


def test_a_mistyped_variable_is_noticed() -> None:
    """HEARTH_SMTP would otherwise keep all mail in the outbox for weeks."""
    with pytest.raises(SettingsError, match="a setting we do not know: HEARTH_SMTP"):
        load({"HEARTH_SMTP": "smtp://mail"})
    assert load({"SMTP": "x", "HEARTH_TEST_DATABASE": "both"}).company == "Hearth"


def test_a_level_of_logging_may_be_written_small() -> None:
    """Nobody should need to know how the levels are written."""
    assert load({"HEARTH_LOG_LEVEL": "debug"}).log_level == "DEBUG"


def test_every_setting_is_documented() -> None:
    """The operator guide is made of these sentences."""
    listed = settings.documented()
    assert [name for name, _, _ in listed] == list(Settings.__dataclass_fields__)
    assert all(text.endswith((".", "...")) for _, text, _ in listed)
