"""The same guard on every request and every answer: hosts, cross-site requests, headers, redirects, the secret key."""

import ipaddress
import os
import secrets
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, redirect, request
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal.kernel.errors import Forbidden
from portal.kernel.messages import say
from portal.kernel.settings import Settings, SettingsError

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
csrf = CSRFProtect()

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
_FEATURES = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
"""What no page of ours needs of a browser; only names that browsers know, since they complain about others."""
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": ", ".join([*(f"{feature}=()" for feature in _FEATURES), "fullscreen=(self)"]),
}


def setup(app: Flask, settings: Settings) -> None:
    """Install the secret key, the known hosts and the headers; ``check_origin`` comes last before every view, when the reader is known."""
    app.secret_key = secret_key(settings)
    app.config.update(WTF_CSRF_TIME_LIMIT=None, WTF_CSRF_CHECK_DEFAULT=False, WTF_CSRF_SSL_STRICT=False)
    app.config["TRUSTED_HOSTS"] = trusted_hosts(settings)
    csrf.init_app(app)
    app.before_request(lead_to_base)
    app.after_request(add_headers)


def trusted_hosts(settings: Settings) -> list[str]:
    """Names this portal answers to; anything else is refused, so no link can be steered by a header."""
    names = {urlsplit(settings.base_url).hostname or "", settings.host, "127.0.0.1", "localhost"}
    return sorted(names - {"", "0.0.0.0", "::"})  # noqa: S104  names that are left out


_IN_PATHS = "/:@!$&'()*+,;=~"
"""Signs that may stand in a path as they are."""


def lead_to_base() -> Response | None:
    """Send a browser that came by the other name of this machine to the portal's own address.

    Cookies know no ports: by ``localhost`` they would reach the content host of ``localhost``, too, and a session would end at the other name.
    """
    base, here = urlsplit(current_app.extensions["settings"].base_url), urlsplit(request.host_url)
    names = {base.hostname or "", here.hostname or ""}
    is_page = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")
    if not is_page or names != {"localhost", "127.0.0.1"} or base.port != here.port:
        return None
    search = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    return cast(Response, redirect(base.geturl().rstrip("/") + quote(request.path, safe=_IN_PATHS) + search))


def check_origin() -> None:
    """Refuse an unsafe request that another page sent: fetch metadata first, then Origin, and always the form token."""
    if request.method in SAFE or getattr(g, "machine", False):
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        raise _foreign()
    if site is None and origin is not None and not _same(origin):
        raise _foreign()
    csrf.protect()


def _same(origin: str) -> bool:
    settings: Settings = current_app.extensions["settings"]
    return origin.rstrip("/") in (settings.base_url.rstrip("/"), request.host_url.rstrip("/"))


def _foreign() -> Forbidden:
    return Forbidden(say("This was sent from another page, so nothing was done. Open the page here and try again."))


def add_headers(response: Response) -> Response:
    """Headers for every answer, errors included; pages that knew a person are never stored by anybody."""
    for name, value in fixed_headers(current_app.extensions["settings"]).items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.vary.add("Cookie")
    return response


def fixed_headers(settings: Settings) -> dict[str, str]:
    """The headers that every answer carries, also those that no view made (files of the program, refusals of the server)."""
    return _HEADERS | ({"Strict-Transport-Security": "max-age=31536000; includeSubDomains"} if settings.secure else {})


def local_path(target: str | None, default: str) -> str:
    """``target`` when it is a path one of our own GET routes answers, else ``default``; never another host."""
    if not target or len(target) > 2000 or not target.startswith("/") or target[1:2] in ("/", "\\"):
        return default
    if any(ord(c) < 33 or c == "\\" for c in target):
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return default
    try:
        current_app.create_url_adapter(request).match(parts.path, method="GET")  # type: ignore[union-attr]  # inside a request there is one
    except (RequestRedirect, HTTPException):
        return default
    return target


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def sign_in_allowed(settings: Settings) -> bool:
    """Passwords travel only over https or inside this machine, unless the operator said otherwise."""
    return settings.secure or settings.insecure_lan or is_loopback(urlsplit(settings.base_url).hostname or "")


def secret_key(settings: Settings) -> str:
    """The configured key, or one made at the first start and kept readable by its owner only."""
    if settings.secret_key:
        return settings.secret_key
    path = settings.instance / "secret.key"
    if not path.exists():
        _write_private(path, secrets.token_urlsafe(48))
    if path.stat().st_mode & 0o077:
        raise SettingsError(f"{path} can be read by others; run: chmod 600 {path}")
    if len(key := path.read_text(encoding="utf-8", errors="replace").strip()) < 32:
        raise SettingsError(f"{path} is damaged: it should hold at least 32 characters. Remove it and a new one is made; everybody signs in again.")
    return key


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # an empty key after a power cut would sign everybody's cookies
    try:
        os.link(fresh, path)  # the first process wins; a rename could replace a key already in use
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
