"""What the flows of the desk share."""

from typing import Any

import pytest
from flask import Flask

from tests.support.desk import DeskUser


@pytest.fixture
def desk(world: Any, context: Flask) -> DeskUser:
    """People of the world acting on requests."""
    return DeskUser(world)
