"""The day all tests live on: Tuesday 24 November 2026, ten in the morning in Berlin."""

from datetime import UTC, datetime

STORY = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""10:00 at Marlow Cycles' head office; the radiator in Mara's corner has just gone cold."""
