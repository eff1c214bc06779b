"""A title that began with an equals sign ran in the reader's spreadsheet.

Published case class: CSV formulas (RT CVE-2025-61873, and every exporter once).
"""

import csv
import io
from typing import Any

from flask import Flask

from tests.support.client import Visitor
from tests.support.doors import visitors
from tests.support.payloads import FORMULAS

ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cells(visitor: Visitor, address: str) -> list[str]:
    """Every cell of an export, read as a spreadsheet would."""
    answer = visitor.client.get(address, base_url=visitor.base)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    return [cell for row in csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))) for cell in row]


def is_active(cell: str) -> bool:
    """True for a cell that a spreadsheet would work out."""
    bare = cell.lstrip(" \u00a0\u3000")
    return bare.startswith(ACTIVE) and not bare.lstrip("+-").replace(".", "", 1).isdigit()


def test_the_record_of_changes_holds_text(app: Flask, world: Any) -> None:
    """Names and titles that are formulas come out as text."""
    elena, ada = (visitors(app, world, (who,))[who] for who in ("elena", "ada"))
    for text in FORMULAS:
        page = elena.get("/administration/people/MC-0123/edit")
        assert page.submit("staff_number", name=text, title=text, given_name=text).status == 200
        visitors(app, world, ("mara",))["mara"].get("/need/repair").submit("title", title=text)
    found = cells(ada, "/administration/changes.csv")
    assert any("HYPERLINK" in cell for cell in found)
    assert [cell for cell in found if is_active(cell)] == []


def test_refused_lines_come_back_as_text(app: Flask, world: Any) -> None:
    """A people file full of formulas: the list of refused lines is harmless, too."""
    ada = visitors(app, world, ("ada",))["ada"]
    rows = ["staff_number,name,email"] + [f'"{text}","{text}","{text}"' for text in (one.replace('"', '""') for one in FORMULAS)]
    page = ada.get("/administration/import")
    data = {name: list(held) for name, held in page.form("file").values.items()}
    answer = ada.post("/administration/import", data | {"file": (io.BytesIO("\n".join(rows).encode()), "people.csv")})
    assert answer.status == 200, answer
    found = cells(ada, f"{answer.path}/refused.csv")
    assert len(found) > len(FORMULAS)
    assert [cell for cell in found if is_active(cell)] == []
