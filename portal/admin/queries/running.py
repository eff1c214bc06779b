"""Settings as they are in force, with secrets left out."""

from dataclasses import dataclass, fields
from urllib.parse import urlsplit, urlunsplit

from portal.kernel.settings import Settings, documented

SECRET = frozenset({"secret_key"})
ADDRESSES = frozenset({"database_url", "smtp_url", "mail_in_imap"})
"""Addresses that may carry a password."""


@dataclass(frozen=True)
class SettingRow:
    """One setting: what it is for, what is in force, and whether that is the default. ``value`` is None for a secret."""

    name: str
    text: str
    value: str | None
    default: str
    is_default: bool
    is_set: bool


def settings_in_force(settings: Settings) -> list[SettingRow]:
    """Every setting in the order of the operator guide."""
    texts = {name: text.replace("`", "") for name, text, _ in documented()}
    return [_row(settings, field.name, texts[field.name], field.default) for field in fields(settings)]


def _row(settings: Settings, name: str, text: str, default: object) -> SettingRow:
    value = getattr(settings, name)
    shown = None if name in SECRET else _without_password(str(value)) if name in ADDRESSES else _said(value)
    return SettingRow(name, text, shown, _said(default), value == default, bool(value))


def _said(value: object) -> str:
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _without_password(address: str) -> str:
    parts = urlsplit(address)
    if parts.password is None:
        return address
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:•••@{host}"))
