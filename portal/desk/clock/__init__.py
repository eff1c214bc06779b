"""The clocks of a request: pure arithmetic from its event log (spec/desk.md R1-R4, R6-R8, R11-R13, R17, R20, R22).

`replay` gives the state of every clock at an instant, `explain` prints its life, `warn_instants` says when to alert and
`compliance` counts. Nothing here knows the current time, a database or a sentence; standard library only.
"""

from portal.desk.clock.explaining import Segment, explain
from portal.desk.clock.measuring import WARN_AT, Compliance, compliance, fraction, warn_instants
from portal.desk.clock.replaying import replay
from portal.desk.clock.states import (
    BY,
    FIRST_RESPONSE,
    KINDS,
    NAMES,
    NEXT_RESPONSE,
    PROMISE,
    RESOLUTION,
    STATUSES,
    ClockState,
    Event,
)

__all__ = [
    "BY",
    "FIRST_RESPONSE",
    "KINDS",
    "NAMES",
    "NEXT_RESPONSE",
    "PROMISE",
    "RESOLUTION",
    "STATUSES",
    "WARN_AT",
    "ClockState",
    "Compliance",
    "Event",
    "Segment",
    "compliance",
    "explain",
    "fraction",
    "replay",
    "warn_instants",
]
