"""The only place that asks the machine what time it is; everything else takes ``now`` as a parameter."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current instant, in UTC, with microseconds."""
    return datetime.now(UTC)
