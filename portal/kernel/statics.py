"""Static files: one prefix per release, so that everything under it may be kept for a year."""

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flask import Flask
from markupsafe import Markup
from whitenoise import WhiteNoise

from portal.kernel.places import Places, find_places

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SYMBOL = re.compile(r'<symbol id="([^"]+)" viewBox="0 0 24 24">(.*?)</symbol>', re.DOTALL)


def setup(app: Flask, places: Places, headers: "dict[str, str]") -> None:
    """Serve ``static/`` under a prefix that names its content, with ``headers`` on every file, and offer ``icon`` to templates."""
    prefix = f"/static/{release(places.static)}"
    app.add_url_rule(f"{prefix}/<path:filename>", endpoint="static", view_func=_missing)
    app.wsgi_app = _static_first(app.wsgi_app, places.static, prefix, headers)  # type: ignore[method-assign, assignment]  # the way Flask documents it
    app.jinja_env.globals["icon"] = icon


def _static_first(inner: "WSGIApplication", folder: Path, prefix: str, headers: "dict[str, str]") -> "WSGIApplication":
    def add(target: "dict[str, str]", _path: str, _url: str) -> None:
        for name, value in headers.items():
            target[name] = value

    noise = WhiteNoise(inner, root=str(folder), prefix=prefix, max_age=0, immutable_file_test=lambda *_: True, add_headers_function=add)

    def serve(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        return cast("Iterable[bytes]", noise(environ, start_response))

    return serve


def _missing(filename: str) -> tuple[str, int]:
    return f"There is no file {filename[:200]} in this release.", 404


_missing.__permissions__ = ()  # type: ignore[attr-defined]  # files of the program are public


@cache
def release(folder: Path) -> str:
    """A short name for the content of the folder; changes when any file does."""
    seen = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        seen.update(str(path.relative_to(folder)).encode())
        seen.update(str(path.stat().st_size).encode())
        seen.update(hashlib.sha256(path.read_bytes()).digest())
    return seen.hexdigest()[:10]


@cache
def _icons() -> dict[str, str]:
    return dict(_SYMBOL.findall((find_places().static / "icons.svg").read_text(encoding="utf-8")))


@cache
def icon(name: str, size: int = 18) -> Markup:
    """An outline drawn into the page; an unknown name raises KeyError, so a test finds it and no reader does."""
    return Markup(f'<svg class="ic ic-{size}" viewBox="0 0 24 24" aria-hidden="true">{_icons()[name]}</svg>')  # noqa: S704  the sprite is ours
