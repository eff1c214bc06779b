"""`portal explain`: each rule with its answer, and what somebody may do."""

from typing import Any

import pytest
from flask import Flask

from portal.desk.policy import explain_request
from portal.kernel.errors import NotFound


def test_each_rule_is_named_with_its_answer(world: Any, context: Flask) -> None:
    """Jonas answers for Facilities, so he reads and works; Leo does neither."""
    lines = list(explain_request(world.actor("jonas"), world.requests["radiator"]))
    assert lines[0] == f"Jonas Lindqvist and request {world.requests['radiator']} (new)"
    assert "  yes  answers for the department that has it" in lines
    assert "  no  asked for it" in lines
    assert lines[-1].startswith("May: read, work. They serve the department")
    assert list(explain_request(world.actor("leo"), world.requests["radiator"]))[-1].startswith("May: nothing. They are neither")


def test_confidential_is_said(world: Any, context: Flask) -> None:
    """Priya leads the department and knows the bare facts alone; Jonas, who is not named, knows nothing."""
    lines = list(explain_request(world.actor("priya"), world.requests["badge"]))
    assert "  yes  leads the department that has it" in lines
    assert "  yes  it is confidential" in lines
    assert lines[-1] == ("May: know that it is there. It is confidential, and they lead the department: number, department, due and state are all they see.")
    jonas = list(explain_request(world.actor("jonas"), world.requests["badge"]))
    assert jonas[-1].startswith("May: nothing. It is confidential: only")


def test_an_unknown_number_is_said_plainly(world: Any, context: Flask) -> None:
    """On the command line nobody needs to guess."""
    with pytest.raises(NotFound, match="no request with this number"):
        list(explain_request(world.actor("ada"), 999_999))
