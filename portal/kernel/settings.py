"""Settings: environment over one TOML file over defaults; typed, documented, checked at start."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

PREFIX = "HEARTH_"
FILE_NAME = "hearth.toml"


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
    base_url: str = setting("http://127.0.0.1:8000", "The address people use. Links in mail always carry it.")
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
    trusted_proxies: int = setting(0, "Number of reverse proxies in front whose forwarding headers count.")
    insecure_lan: bool = setting(False, "Allow sign-in over plain http on an address other than loopback. Passwords travel readable: avoid.")
    upload_limit_mb: int = setting(25, "Largest upload in megabytes.")
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
    def content_base(self) -> str:
        """Where uploads are served; another host than the portal's, so no cookie ever reaches it."""
        return self.content_url or f"http://localhost:{self.port + 1}"

    @property
    def secure(self) -> bool:
        """True when people reach the portal over https."""
        return self.base_url.startswith("https://")


def load(env: Mapping[str, str] | None = None, file: Path | None = None, **overrides: object) -> Settings:
    """Read file, then environment, then ``overrides``; raises SettingsError with one clear line."""
    env = os.environ if env is None else env
    instance = Path(str(overrides.get("instance") or env.get(PREFIX + "INSTANCE") or "instance"))
    values = _from_file(file or Path(env.get(PREFIX + "CONFIG") or instance / FILE_NAME), required=file is not None)
    values |= {f.name: env[PREFIX + f.name.upper()] for f in fields(Settings) if PREFIX + f.name.upper() in env}
    values |= {name: value for name, value in overrides.items() if value is not None}
    hints = get_type_hints(Settings)
    typed: dict[str, Any] = {name: _typed(name, value, hints[name]) for name, value in values.items()}
    settings = Settings(**{"instance": instance} | typed)
    return _checked(settings)


def _from_file(path: Path, *, required: bool) -> dict[str, Any]:
    if not path.is_file():
        if required:
            raise SettingsError(f"There is no settings file at {path}.")
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not a TOML file we can read: {error}.") from error
    known = {f.name for f in fields(Settings)}
    for name in values:
        if name not in known:
            raise SettingsError(f"{path} has a setting we do not know: {name}. Known are {', '.join(sorted(known))}.")
    return values


_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def _typed(name: str, value: object, kind: type) -> object:
    if kind is bool and isinstance(value, str):
        if value.lower() not in _TRUE | _FALSE:
            raise SettingsError(f"{name} is {value!r}; write true or false.")
        return value.lower() in _TRUE
    if kind is int and not isinstance(value, bool):
        try:
            return int(str(value))
        except ValueError:
            raise SettingsError(f"{name} is {value!r}; write a whole number.") from None
    if kind is Path:
        return Path(str(value))
    if not isinstance(value, kind):
        raise SettingsError(f"{name} is {value!r}; expected {kind.__name__}.")
    return value


def _checked(settings: Settings) -> Settings:
    for name in ("base_url", "content_url"):
        url = urlsplit(getattr(settings, name))
        if getattr(settings, name) and (url.scheme not in ("http", "https") or not url.hostname or url.path.strip("/")):
            raise SettingsError(f"{name} is {getattr(settings, name)!r}; write it like https://hearth.example.com, without a path.")
    try:
        ZoneInfo(settings.zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise SettingsError(f"zone is {settings.zone!r}; write a name such as Europe/Berlin.") from None
    if not 1 <= settings.port <= 65534:
        raise SettingsError(f"port is {settings.port}; choose one between 1 and 65534 (uploads use the next one).")
    if settings.database_url and not settings.database_url.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise SettingsError("database_url must start with sqlite:/// or postgresql+psycopg://.")
    if settings.smtp_url and urlsplit(settings.smtp_url).scheme not in ("smtp", "smtps"):
        raise SettingsError("smtp_url must start with smtp:// or smtps://.")
    if settings.secret_key and len(settings.secret_key) < 32:
        raise SettingsError("secret_key is too short; use at least 32 characters, or leave it out and one is made.")
    for name, low, high in (("threads", 1, 256), ("upload_limit_mb", 1, 1024), ("trusted_proxies", 0, 10)):
        if not low <= getattr(settings, name) <= high:
            raise SettingsError(f"{name} is {getattr(settings, name)}; choose a number from {low} to {high}.")
    return settings


def documented() -> list[tuple[str, str, object]]:
    """Name, help and default of every setting, for the operator guide and `portal --help`."""
    return [(f.name, f.metadata["help"], None if f.default is MISSING else f.default) for f in fields(Settings)]
