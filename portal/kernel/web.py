"""The web edge: one unit of work per unsafe request, errors as pages for people, and the helpers routes share."""

import uuid
from collections.abc import Callable
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import structlog
from flask import Blueprint, Flask, Request, Response, flash, g, has_request_context, redirect, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError, generate_csrf
from markupsafe import Markup
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError
from werkzeug.wrappers import Response as BaseResponse

from portal.kernel import clock, policy, security, submissions, unit_of_work
from portal.kernel.db import db
from portal.kernel.errors import Busy, Conflict, DiskFull, Forbidden, NotFound, PortalError, Refusal, TooFast, WrongType
from portal.kernel.messages import Message, say

__all__ = ["Blueprint", "Portal", "answer_for", "is_fragment", "own_units", "see_other", "setup", "tell", "unit"]

T = TypeVar("T")
PLAIN = frozenset({str, int, type(None)})
ADDRESSES = 5000
"""Addresses that are remembered before all are forgotten."""
View = TypeVar("View", bound=Callable[..., Any])
log = structlog.get_logger(__name__)


class PortalRequest(Request):
    """A request whose typed text has a limit, whichever way the form was encoded."""

    def _load_form_data(self) -> None:
        """Parse the form once; more text than the limit raises RequestEntityTooLarge."""
        if "form" in self.__dict__:
            return
        limit = self.max_form_memory_size or 0
        # Percent signs make three bytes of one; what is larger than that is not worth reading.
        if self.mimetype == "application/x-www-form-urlencoded" and (self.content_length or 0) > limit * 3:
            raise RequestEntityTooLarge
        super()._load_form_data()
        if sum(len(value.encode("utf-8", "replace")) for _, value in self.form.items(multi=True)) > limit:
            raise RequestEntityTooLarge


class Portal(Flask):
    """Flask, with the rule that a safe request changes nothing and an unsafe one is a single unit of work."""

    request_class = PortalRequest

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._addresses: dict[tuple[Any, ...], str] = {}

    def url_for(self, /, endpoint: str, **values: Any) -> str:
        """As Flask, remembered for addresses that depend on nothing but their values: a page asks for a hundred, mostly the same."""
        given = {name: value for name, value in values.items() if value is not None or not name.startswith("_")}
        if endpoint.startswith(".") or not has_request_context() or any(name.startswith("_") or type(value) not in PLAIN for name, value in given.items()):
            return super().url_for(endpoint, **values)
        key = (request.root_path, endpoint, *((name, type(value), value) for name, value in given.items()))
        found = self._addresses.get(key)
        if found is None:
            if len(self._addresses) >= ADDRESSES:
                self._addresses.clear()
            found = self._addresses[key] = super().url_for(endpoint, **values)
        return found

    def dispatch_request(self) -> Any:
        """Check what the route declares, then run it: writes commit on 2xx and 3xx and are rolled back otherwise."""
        view = self._checked_view()
        if view is None or request.method in security.SAFE or getattr(view, "own_units", False):
            return super().dispatch_request()
        return unit(lambda: self.make_response(super(Portal, self).dispatch_request()))

    def _checked_view(self) -> Callable[..., Any] | None:
        if request.routing_exception is not None or request.endpoint is None:
            return None
        view = self.view_functions[request.endpoint]
        permissions = policy.declared(view)
        structlog.contextvars.bind_contextvars(actor=policy.current().person_id)
        if permissions is None:
            raise Forbidden()  # a route that declares nothing is nobody's; start-up refuses it, too
        if permissions:
            if not policy.current().is_person:
                raise SignInFirst()
            policy.require(permissions, policy.current())
        return view


class SignInFirst(PortalError):
    """Nobody is signed in; pages lead to the sign-in, fragments answer 401."""

    status = 401
    default = say("You were away for a while, so we signed you out. Sign in again: what you typed on this device is kept.")


def unit(work: Callable[[], BaseResponse]) -> BaseResponse:
    """Run ``work`` as one unit of work and answer a double submit with the first result."""
    digest = submissions.digest_of_request(str(policy.current().person_id or request.remote_addr))
    told = len(session.get("_flashes", ()))

    def attempt() -> BaseResponse:
        _forget_told(told)
        submissions.rewind()
        if digest and (first := submissions.begin(digest, clock.now())):
            return first
        response = work()
        if digest and response.status_code < 400:
            submissions.finish(digest, response)
        return response

    try:
        response = unit_of_work.run(attempt, keep=lambda response: response.status_code < 400)
    except BaseException:
        _forget_told(told)
        raise
    if response.status_code >= 400:
        _forget_told(told)
    return response


def _forget_told(number: int) -> None:
    # "Saved" must not be told on the next page when it was rolled back.
    if len(told := session.get("_flashes", [])) > number:
        session["_flashes"] = told[:number]


def own_units(view: View) -> View:
    """Mark a view that opens its units of work itself (slow work such as hashing happens outside of them)."""
    view.own_units = True  # type: ignore[attr-defined]  # a declaration dispatch_request reads
    return view


def see_other(endpoint: str, **values: Any) -> BaseResponse:
    """303 to another page: the answer to a form that did its work."""
    return redirect(url_for(endpoint, **values), 303)


def tell(message: Message | str) -> None:
    """One short sentence shown on the next page."""
    flash(str(message))


def is_fragment() -> bool:
    """True when a part of a page is asked for by script; full pages vary on it."""
    return request.headers.get("HX-Request") == "true"


def form_token() -> str:
    """The token against forged requests; a page has it in ten forms."""
    if "form_token" not in g:
        g.form_token = generate_csrf()
    return str(g.form_token)


def form_guard() -> Markup:
    """The hidden fields of every form: the token against forged requests and the one-time key."""
    fields = Markup('<input type="hidden" name="csrf_token" value="%s"><input type="hidden" name="%s" value="%s">')
    kept = request.form.get(submissions.FIELD) if request.method == "POST" else None
    key = kept if kept and kept.isalnum() and len(kept) <= 64 else submissions.new_key()
    return fields % (form_token(), submissions.FIELD, key)


def setup(app: Flask) -> None:
    """Install reference numbers, error pages and template helpers; comes before every other hook."""
    app.before_request(_name_request)
    app.register_error_handler(PortalError, answer_for)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(SQLAlchemyError, _database_error)
    app.register_error_handler(Exception, _unexpected)
    app.jinja_env.globals.update(form_guard=form_guard, csrf_token=form_token, is_fragment=is_fragment)
    app.teardown_request(_log_end)


def _name_request() -> BaseResponse | None:
    g.request_ref = uuid.uuid4().hex[:10]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(ref=g.request_ref)
    if isinstance(request.routing_exception, SecurityError):
        # Without a host of ours no address can be built, so this page is plain words.
        return Response("This portal does not answer to that name. Use the address your company gave you.\n", 400, mimetype="text/plain")
    if "\x00" in request.path:
        raise NotFound()  # PostgreSQL knows no such text
    while b"%00" in request.query_string:
        request.query_string = request.query_string.replace(b"%00", b"")
    return None


def _log_end(error: BaseException | None) -> None:
    if error is not None and not isinstance(error, (PortalError, HTTPException)):
        log.error("request failed", path=request.path, method=request.method)


_PAGES = {401, 403, 404, 409, 413, 415, 422, 429, 500, 503, 507}


def answer_for(error: PortalError) -> BaseResponse:
    """The page of an error: what happened, what was saved, what to do next."""
    db.session.rollback()
    if isinstance(error, SignInFirst):
        return _sign_in_first(error)
    if isinstance(error, Forbidden):
        log.warning("refused", path=request.path, actor=policy.current().person_id)
    if 300 <= error.status < 400:
        return redirect(error.link or "/", 303)
    context: dict[str, Any] = {"message": str(error.message), "link": error.link}
    if error.status in (409, 422, 429, 503, 507):
        context |= {"kept": kept_fields(), "again_url": request.full_path.rstrip("?")}
    response = _page(error.status, **context)
    if isinstance(error, TooFast):
        response.headers["Retry-After"] = str(error.retry_after)
    if error.status == 503:
        response.headers["Retry-After"] = "5"
    return response


def _sign_in_first(error: SignInFirst) -> BaseResponse:
    if is_fragment() or request.path.startswith("/api/"):
        return Response(str(error.message), 401, mimetype="text/plain")
    target = request.full_path.rstrip("?") if request.method in security.SAFE else _page_before()
    return redirect(url_for("people.sign_in", next=target if target != "/" else None), 303)


def _page_before() -> str:
    parts = urlsplit(request.referrer or "")
    ours = f"{parts.scheme}://{parts.netloc}/" == request.host_url
    return security.local_path(f"{parts.path}?{parts.query}".rstrip("?"), "/") if ours else "/"


def kept_fields() -> list[tuple[str, str]]:
    """What was typed, to give back: never passwords, never the token."""
    fields = cast("MultiDict[str, str]", request.form) if request.method == "POST" else MultiDict()
    return [(name, value) for name, value in fields.items(multi=True) if "password" not in name and name != "csrf_token"]


def _page(status: int, **context: Any) -> BaseResponse:
    name = status if status in _PAGES else 404 if status < 500 else 500
    context = {"code": status, "reference": getattr(g, "request_ref", ""), "kept": None, "again_url": None, "link": None, "retry_after": None, **context}
    if status >= 500:
        g.menu, context["alone"] = [], True  # the menu asks the database, which may be what broke
    try:
        return Response(render_template(f"errors/{name}.html", **context), status, mimetype="text/html")
    except Exception:
        log.exception("error page failed", status=status)
        db.session.rollback()
        return Response(f"{context['message']}\n{context['reference']}\n", status, mimetype="text/plain")


def _stale_form(error: CSRFError) -> BaseResponse:
    text = say("This form was open for so long that we could not be sure it came from you. Your text is below: send it again.")
    return _page(403, message=str(text), kept=kept_fields(), again_url=request.full_path.rstrip("?"))


def _http_error(error: HTTPException) -> BaseResponse:
    if error.code is not None and 300 <= error.code < 400:
        return error.get_response()
    db.session.rollback()
    if error.code == 413:
        return _too_large()
    response = _page(error.code or 500, message=str(_WORDS.get(error.code or 500, NotFound).default))
    if error.code == 405 and (allowed := getattr(error, "valid_methods", None)):
        response.headers["Allow"] = ", ".join(sorted(allowed))
    return response


_WORDS: dict[int, type[PortalError]] = {kind.status: kind for kind in (PortalError, Forbidden, Conflict, Refusal, WrongType, TooFast, Busy, DiskFull)}


def _too_large() -> BaseResponse:
    whole = request.max_content_length or 0
    if (request.content_length or 0) > whole:
        text = say("That is more than we can take in one go: the limit is %(limit)s. Nothing was saved.", limit=_size(whole))
    else:
        text = say("That is more text than we can take in one go: the limit is %(limit)s. Nothing was saved.", limit=_size(request.max_form_memory_size or 0))
    request.__dict__ |= {"form": MultiDict(), "files": MultiDict()}  # what could not be read is not read again for the page
    return _page(413, message=str(text))


def _size(number: int) -> str:
    return f"{number // 1_000_000} MB" if number >= 1_000_000 else f"{number // 1000} kB"


def _database_error(error: SQLAlchemyError) -> BaseResponse:
    answer = unit_of_work.translated(error)
    if isinstance(answer, PortalError):
        log.warning("database does not answer", path=request.path, error=type(error).__name__)
        return answer_for(answer)
    return _unexpected(error)


def _unexpected(error: Exception) -> BaseResponse:
    log.error("unexpected error", path=request.path, method=request.method, exc_info=error)
    db.session.rollback()
    text = say("That is on us. Nothing was saved, and what you typed is below.") if request.method == "POST" else PortalError.default
    return _page(500, message=str(text), kept=kept_fields())
