"""Lists of administration as files for a spreadsheet."""

from functools import partial
from typing import Any

from flask import request
from werkzeug.wrappers import Response

from portal.admin.policy import Admin
from portal.admin.queries import sheets
from portal.admin.queries.work import MailShelf
from portal.admin.routes._blueprint import bp
from portal.contracts.admin import MailExported
from portal.kernel import clock, export, policy
from portal.kernel.export import Sheet


@bp.get("/administration/mail.csv")
@policy.allow(Admin.RUN)
def outbox_csv() -> Response:
    """Outgoing mail, of the tab of the page; that it was taken is noted."""
    actor, now, asked = policy.current(), clock.now(), request.args.get("show", "")
    shelf = MailShelf(asked) if asked in list(MailShelf) else MailShelf.ALL
    sheet: Sheet[Any] = sheets.came_back(actor) if shelf is MailShelf.CAME_BACK else sheets.outbox(actor, shelf)
    return export.answer(sheet, partial(MailExported, shelf.value), actor=actor, now=now)
