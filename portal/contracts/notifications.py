"""What the inbox tells the rest of the portal."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class PreferencesChosen:
    """Somebody chose how they want to be told."""

    event: ClassVar[str] = "notifications.preferences.chosen"
    person_id: int
