"""What every figure means, in one place: a name, a line beside the number, and how it is counted."""

from dataclasses import dataclass

from portal.kernel.messages import Message, say


@dataclass(frozen=True)
class Meaning:
    """A figure in words."""

    name: Message
    short: Message
    how: Message


_OPEN_LATE = say(
    "Counted on the day it was due, kept or late. What is still open and past due counts as late now, so leaving it open does not help. "
    "A request that is opened again loses its verdict until it is solved; a cancelled one counts only if it was late by then."
)
_WORKING = say(
    "Counted on the day of the answer, in the working hours of the request, without the time it waited for the requester or somebody named. The times are read "
    "from a histogram and are right to about 3%%."
)

MEANINGS: dict[str, Meaning] = {
    "first_response": Meaning(
        say("Answered on time"),
        say("First answers that came by the promised time, of all that were due."),
        _OPEN_LATE,
    ),
    "resolution": Meaning(say("Solved on time"), say("Requests solved by the promised time, of all that were due."), _OPEN_LATE),
    "promise": Meaning(
        say("Next steps kept"),
        say("Next steps with a date that were followed by an answer on time, of all that were due."),
        say("Every reply that does not solve a request can name a next step and its date. The next answer has to come by then. Open and past due is late now."),
    ),
    "first_response_time": Meaning(say("Until the first answer"), say("Working time from receipt until somebody answered with substance."), _WORKING),
    "resolution_time": Meaning(say("Until it was solved"), say("Working time from receipt until the last solution, waiting left out."), _WORKING),
    "opened": Meaning(
        say("Came in"),
        say("Requests filed with the department."),
        say("Counted on the day of receipt, with the department and service they were filed with; what is handed over later stays counted where it came in."),
    ),
    "resolved": Meaning(
        say("Solved"),
        say("How often a request was solved."),
        say("Counted on the day of the solution, with the department that solved it. What is solved again after it was opened again counts twice."),
    ),
    "reopened": Meaning(
        say("Reopened"),
        say("How often somebody said that it did not work, or that more came up."),
        say("Counted on the day it came back, not on the day it was solved."),
    ),
    "cancelled": Meaning(
        say("No longer needed"),
        say("Requests that were cancelled."),
        say("Counted on that day. Their promises are in no share, unless they were late before: late stays late."),
    ),
    "unpromised": Meaning(
        say("Without a promised end"),
        say("Requests that came in for a service that promises no time to the end."),
        say("They are part of what came in, and not part of “Solved on time”, because nothing was due."),
    ),
    "pause": Meaning(
        say("Time spent waiting"),
        say("Of the working time until requests were solved, the share in which they waited for the requester or somebody named."),
        say("Minutes paused, divided by minutes paused and worked, over all requests solved in the period."),
    ),
    "open": Meaning(
        say("Open now, by age"),
        say("Requests that are open at this moment, by working days since receipt."),
        say("A working day is eight hours of the department's own hours. Waiting for the requester does not make a request younger."),
    ),
    "per_hundred": Meaning(
        say("Requests per 100 people"),
        say("What came in, by the department of whoever asked, for every 100 people there."),
        say("People are counted every hour; the department is the one the requester belonged to when they asked."),
    ),
}
