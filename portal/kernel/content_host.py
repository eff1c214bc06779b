"""The content host: a program of its own, on an address of its own, that hands out uploads as downloads and knows nobody.

It has no cookies, no database and no other pages; a signed address that lives ten minutes says what to send and under which name.
Whatever an upload contains, it can touch nothing of the portal: another host, a sandbox, never shown as a page.
"""

import os
import re
import unicodedata
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import wrap_file

from portal.kernel import files, tokens
from portal.kernel.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_ADDRESS = re.compile(r"/f/([A-Za-z0-9_.-]{20,2000})/[^/]{1,400}")
_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def create_content_app(settings: Settings, secret: str) -> "WSGIApplication":
    """The program for the content host's listener; ``secret`` is the portal's key, which signed the addresses."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = Request(environ)
        response = _file(settings, secret, request) or Response("There is nothing here.\n", 404, mimetype="text/plain")
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response(environ, start_response)

    return answer


def _file(settings: Settings, secret: str, request: Request) -> Response | None:
    found = _ADDRESS.fullmatch(request.path)
    if found is None or request.method not in ("GET", "HEAD"):
        return None
    signed = tokens.unsign("file", found[1], files.URL_LIFETIME, secret=secret)
    if signed is None:
        return None
    digest, mime, name = signed
    try:
        content = files.open_content(files.store_root(settings), digest)
    except FileNotFoundError:
        return None
    response = _download(mime, name, os.fstat(content.fileno()).st_size)
    if request.method == "HEAD":
        content.close()
    else:
        response.response = wrap_file(request.environ, content)
        response.direct_passthrough = True
    return response


def _download(mime: str, name: str, size: int) -> Response:
    response = Response(content_type=mime)
    response.content_length = size
    response.headers["Content-Disposition"] = disposition(name)
    response.headers["Cache-Control"] = f"private, max-age={int(files.URL_LIFETIME.total_seconds())}, immutable"
    if mime.startswith("image/"):
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"  # pictures may stand in the portal's pages
    return response


def disposition(name: str) -> str:
    """``Content-Disposition`` for a download (RFC 6266), with a plain name for old programs and the real one (RFC 8187)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r'[^ -~]|["\\%;/]', "_", plain).strip() or "file"
    if plain == name:
        return f'attachment; filename="{plain}"'
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
