"""Settings: environment over one TOML file over defaults; typed, documented, checked at start."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PREFIX = "HEARTH_"
FILE_NAME = "hearth.toml"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class SettingsError(ValueError):
    """A setting that cannot be used; the text names it, what was found and what is expected."""


def setting(default: Any, text: str) -> Any:
    """A field with its documentation, which the operator guide repeats."""
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Settings:
    """All that an operator may decide; names are the TOML keys, upper-cased with HEARTH_ the variables."""

    instance: Path = setting(Path("instance"), "Folder for the database, files, keys and logs. Created when missing.")
    database_url: str = setting("", "SQLAlchemy address; empty means SQLite in the instance folder. PostgreSQL: postgresql+psycopg://...")
    base_url: str = setting("http://127.0.0.1:8000", "The address people use. Links in mail always carry it. Left out: this machine at ``port``.")
    content_url: str = setting("", "Address of the host that serves uploads; empty means localhost on the port after the portal's.")
    host: str = setting("127.0.0.1", "Address to listen on.")
    port: int = setting(8000, "Port of the portal; uploads are served on the next one.")
    threads: int = setting(8, "Threads that answer requests.")
    worker: bool = setting(True, "Run the worker inside `portal serve`; switch off when `portal worker` runs elsewhere.")
    company: str = setting("Hearth", "Name of the company, shown on pages and in mail.")
    phone: str = setting("", "Telephone help line, shown at sign-in and on error pages.")
    locale: str = setting("en", "Language for people who chose none.")
    zone: str = setting("UTC", "Time zone for people without a location.")
    country: str = setting("", "Two-letter country whose holidays count where a location names none.")
    smtp_url: str = setting("", "smtp://name:password@host:port, or smtps://; empty keeps mail in the outbox, readable under Administration.")
    mail_from: str = setting("hearth@localhost", "Sender address of the portal's mail.")
    mail_plain: bool = setting(False, "Send everything from mail_from alone, for a mailbox that may use no other address. Failures then come back unsigned.")
    mail_in_listen: str = setting("", "Address and port where mail is taken in over SMTP, such as 127.0.0.1:2525. Empty: nowhere.")
    mail_in_imap: str = setting("", "Mailbox to fetch mail from, imaps://name:password@host/INBOX, with %40 for an @ in name or password. Empty: none.")
    mail_in_authserv: str = setting(
        "", "Name of the server whose Authentication-Results lines are believed. It must take away lines in its name that others wrote."
    )
    mail_in_service: str = setting("it-question", "Key of the service for mail whose address belongs to no department. Empty: such mail is held.")
    second_factor: str = setting("required", "Second factor of administrators and HR: required (their roles count only with one) or optional.")
    trusted_proxies: int = setting(0, "Number of reverse proxies in front whose forwarding headers count.")
    insecure_lan: bool = setting(False, "Allow sign-in over plain http on an address other than loopback. Passwords travel readable: avoid.")
    upload_limit_mb: int = setting(25, "Largest upload in megabytes.")
    backup_to: str = setting("", "Folder for a backup every night at 02:15, best on another disk. Empty: none but those of `portal backup`.")
    backup_keep: int = setting(7, "How many backups of this portal stay in that folder; older ones are removed after a new one was verified.")
    demo: bool = setting(False, "Demo installation: personas to sign in with. Set by `portal demo` only.")
    log_level: str = setting("INFO", "DEBUG, INFO, WARNING or ERROR.")
    secret_key: str = setting("", "Signs cookies and links. Empty: made once, kept in the instance folder, readable by its owner only.")

    @property
    def database(self) -> str:
        """The address to connect to, with the SQLite default filled in."""
        return self.database_url or f"sqlite:///{(self.instance / 'portal.db').resolve()}"

    @property
    def is_sqlite(self) -> bool:
        """True for the embedded database."""
        return self.database.startswith("sqlite")

    @property
    def sqlite_file(self) -> Path:
        """Where the embedded database lies."""
        return Path(self.database.removeprefix("sqlite:///"))

    @property
    def content_base(self) -> str:
        """Where uploads are served; another host than the portal's, so no cookie ever reaches it."""
        return self.content_url or f"http://localhost:{self.port + 1}"

    @property
    def wants_second_factor(self) -> bool:
        """True when administrators and HR need a second factor; personas of a demo have no phone."""
        return self.second_factor == "required" and not self.demo

    @property
    def secure(self) -> bool:
        """True when people reach the portal over https."""
        return self.base_url.startswith("https://")


def load(env: Mapping[str, str] | None = None, file: Path | None = None, **overrides: object) -> Settings:
    """Read file, then environment, then ``overrides``; raises SettingsError with one clear line."""
    env = os.environ if env is None else env
    instance = Path(str(overrides.get("instance") or env.get(PREFIX + "INSTANCE") or "instance"))
    values = _from_file(file or Path(env.get(PREFIX + "CONFIG") or instance / FILE_NAME), required=file is not None)
    values |= _from_environment(env)
    values |= {name: value for name, value in overrides.items() if value is not None}
    hints = get_type_hints(Settings)
    typed: dict[str, Any] = {"instance": instance} | {name: _typed(name, value, hints[name]) for name, value in values.items()}
    if "port" in typed:
        typed.setdefault("base_url", f"http://127.0.0.1:{typed['port']}")
    return _checked(Settings(**typed))


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    known = {PREFIX + f.name.upper(): f.name for f in fields(Settings)}
    for name in env:
        if name.startswith(PREFIX) and name not in known and name != PREFIX + "CONFIG" and not name.startswith(PREFIX + "TEST_"):
            raise SettingsError(f"The environment has a setting we do not know: {name}. Known are {', '.join(sorted(known))}.")
    return {field_name: env[name] for name, field_name in known.items() if name in env}


def _from_file(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.is_file():
        if required:
            raise SettingsError(f"There is no settings file at {path}.")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file we can read: {' '.join(str(error).split())}.") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read ({error.strerror}).") from error
    known = {f.name for f in fields(Settings)}
    for name in values:
        if name not in known:
            raise SettingsError(f"{path} has a setting we do not know: {name}. Known are {', '.join(sorted(known))}.")
    return values


_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def _typed(name: str, value: object, kind: type) -> object:
    match kind():
        case bool():
            return _truth(name, value)
        case int():
            return _number(name, value)
        case Path() if isinstance(value, (str, Path)):
            return Path(value)
        case str() if isinstance(value, str):
            return value
    raise SettingsError(f"{name} is {value!r}; write it in quotes.")


def _truth(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.lower() not in _TRUE | _FALSE:
        raise SettingsError(f"{name} is {value!r}; write true or false.")
    return value.lower() in _TRUE


def _number(name: str, value: object) -> int:
    if isinstance(value, bool) or not re.fullmatch(r"-?[0-9]{1,9}", str(value).strip()):
        raise SettingsError(f"{name} is {value!r}; write a whole number.")
    return int(str(value))


def _checked(settings: Settings) -> Settings:
    _check_numbers(settings)
    for name in ("base_url", "content_url"):
        _check_address(name, getattr(settings, name), optional=name == "content_url")
    _check_place(settings)
    _check_database(settings.database_url)
    _check_mail(settings)
    if settings.backup_to and not Path(settings.backup_to).is_absolute():
        raise SettingsError(f"backup_to is {settings.backup_to!r}; write the whole path of a folder, such as /var/backups/hearth.")
    if settings.secret_key and len(settings.secret_key) < 32:
        raise SettingsError("secret_key is too short; use at least 32 characters, or leave it out and one is made.")
    if settings.secret_key and (len(set(settings.secret_key)) < 10 or re.search(r"change.?(me|this)", settings.secret_key, re.IGNORECASE)):
        raise SettingsError("secret_key can be guessed; use 32 random characters, or leave it out and one is made.")
    if settings.second_factor not in ("required", "optional"):
        raise SettingsError(f"second_factor is {settings.second_factor!r}; write required or optional.")
    if settings.log_level.upper() not in LEVELS:
        raise SettingsError(f"log_level is {settings.log_level!r}; choose one of {', '.join(LEVELS)}.")
    return settings if settings.log_level.isupper() else replace(settings, log_level=settings.log_level.upper())


def _check_numbers(settings: Settings) -> None:
    if not 1 <= settings.port <= 65534:
        raise SettingsError(f"port is {settings.port}; choose one between 1 and 65534 (uploads use the next one).")
    for name, low, high in (("threads", 1, 256), ("upload_limit_mb", 1, 1024), ("trusted_proxies", 0, 10), ("backup_keep", 1, 1000)):
        if not low <= getattr(settings, name) <= high:
            raise SettingsError(f"{name} is {getattr(settings, name)}; choose a number from {low} to {high}.")


def _check_address(name: str, text: str, *, optional: bool) -> None:
    if optional and not text:
        return
    url, port = _split(text)
    if url is None or url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/") or url.query or port == 0:
        raise SettingsError(f"{name} is {text!r}; write it like https://hearth.example.com, without a path.")
    if ":" in url.hostname:
        raise SettingsError(f"{name} is {text!r}; write a name instead of an IPv6 address, browsers and mail programs spell those differently.")


def _split(text: str) -> tuple[SplitResult | None, int | None]:
    try:
        url = urlsplit(text)
        return url, url.port
    except ValueError:
        return None, None


def _check_place(settings: Settings) -> None:
    try:
        ZoneInfo(settings.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(f"zone is {settings.zone!r}; write a name such as Europe/Berlin.") from None
    if not re.fullmatch(r"[a-z]{2,3}([_-][A-Za-z]{2,4})?", settings.locale):
        raise SettingsError(f"locale is {settings.locale!r}; write a language such as en or de.")
    if settings.country and not re.fullmatch(r"[A-Z]{2}", settings.country):
        raise SettingsError(f"country is {settings.country!r}; write two capital letters such as DE.")
    if not settings.company.strip() or not settings.company.isprintable():
        raise SettingsError("company is empty or has more than one line; write the name people know.")


def _check_database(url: str) -> None:
    # The address may hold a password, so it is never repeated.
    if not url:
        return
    if url.startswith("sqlite:///"):
        if "?" in url or ":memory:" in url or url == "sqlite:///":
            raise SettingsError("database_url names no file; write sqlite:////var/lib/hearth/portal.db, or leave it out.")
        return
    if not url.startswith("postgresql+psycopg://") or None in _split(url)[:1]:
        raise SettingsError("database_url must look like postgresql+psycopg://name:password@host/database, or sqlite:///file.")
    if find_spec("psycopg") is None:
        raise SettingsError("database_url asks for PostgreSQL, and its driver is not installed. Install Hearth with it: pip install 'hearth[postgres]'.")


def _check_mail(settings: Settings) -> None:
    url, _ = _split(settings.smtp_url)
    if settings.smtp_url and (url is None or url.scheme not in ("smtp", "smtps") or not url.hostname):
        raise SettingsError("smtp_url must look like smtp://name:password@host:port, or smtps://.")
    if not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", settings.mail_from):
        raise SettingsError(f"mail_from is {settings.mail_from!r}; write one mail address.")
    _check_mail_in(settings)


def _check_mail_in(settings: Settings) -> None:
    place = re.fullmatch(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):([0-9]{1,5})", settings.mail_in_listen)
    if settings.mail_in_listen and (place is None or not 0 < int(place[2]) < 65536):
        raise SettingsError(f"mail_in_listen is {settings.mail_in_listen!r}; write an address and a port, such as 127.0.0.1:2525.")
    if not settings.mail_in_imap:
        return
    url, number = _split(settings.mail_in_imap)  # it holds a password, so it is never repeated
    parts = [unquote(part or "") for part in (url.username, url.password, url.path.strip("/"))] if url else []
    if url is None or url.scheme not in ("imap", "imaps") or not url.hostname or url.query or number == 0 or not all(p and p.isprintable() for p in parts):
        raise SettingsError("mail_in_imap must look like imaps://name:password@host/INBOX, with %40 for an @ in name or password.")


def documented() -> list[tuple[str, str, object]]:
    """Name, help and default of every setting, for the operator guide and `portal --help`."""
    return [(f.name, f.metadata["help"], None if f.default is MISSING else f.default) for f in fields(Settings)]
