"""The columns of other desks' exports by the names they give them, and their words for where a request stands. Pure."""

import re
import unicodedata
from collections.abc import Sequence

FIELDS = ("number", "subject", "description", "requester", "requester_email", "department", "service", "created", "closed", "status")
NEEDED = ("subject", "created")
SYNONYMS: dict[str, str] = {
    "number": """number ticketnumber issuekey ticketid ticketno ticketnr ticket requestnumber requestid casenumber incidentnumber externalid key
        id issueid nr no nummer ticketnummer vorgangsnummer vorgang""",
    "subject": "subject title summary ticketsubject issuesummary shortdescription topicline betreff titel zusammenfassung thema",
    "description": """description body firstmessage firstarticle articlebody message text content details longdescription comment
        issuedescription beschreibung nachricht inhalt""",
    "requester": """requester requestername customer customername reporter requestedby openedby caller submitter from fromname username user client
        contact createdby creator melder meldender gemeldetvon kunde anfragender
        anfrager anforderer antragsteller ersteller erstelltvon auftraggeber name""",
    "requester_email": """requesteremail requestermail customeremail reporteremail emailaddress fromemail useremail email mail customerlogin
        contactemail absender""",
    "department": "department group assignedgroup ticketgroup team assignmentgroup queue project projectname abteilung gruppe bereich",
    "service": "service category helptopic requesttype issuetype tickettype component topic type tickettopic form kategorie dienst typ",
    "created": """created createdat createdon datecreated createddate creationdate createtime opened openedat opendate requestedat
        requested submitted submittedat createdtime erstellt erstelltam angelegt date datum""",
    "closed": """closed closedat closedon closeddate dateclosed closeat lastcloseat closetime resolved resolvedat resolutiondate dateresolved solvedat solved
        solveddate completed completedat finished geschlossen geschlossenam erledigtam""",
    "status": "status state ticketstatus ticketstate currentstatus issuestatus zustand stand",
}
"""What each column is called elsewhere, the surest name first; letters and digits only."""
OPEN, CLOSED, CANCELLED = "open", "closed", "cancelled"
STATES = (OPEN, CLOSED, CANCELLED)
_WORDS = {
    OPEN: """open new pending hold onhold inprogress todo backlog reopened assigned waiting pendingreminder pendingclose waitingforcustomer waitingforsupport
        waitingforapproval selectedfordevelopment inreview overdue active offen neu inbearbeitung wartend warteaufschließen""",
    CLOSED: "closed solved resolved done complete completed fixed archived merged finished answered closedsuccessful geschlossen gelöst erledigt",
    CANCELLED: "cancelled canceled rejected declined duplicate wontdo wontfix invalid withdrawn removed deleted spam closedunsuccessful abgebrochen abgelehnt",
}
WORDS = {word: state for state, words in _WORDS.items() for word in words.split()}
"""Words for where a request stands, folded by :func:`plain`."""
_NAMES = {name: (place, field) for field, names in SYNONYMS.items() for place, name in enumerate(names.split())}
_SIGNS = re.compile(r"[\W_]+")


def plain(text: str) -> str:
    """Letters and digits in lower case: "Created At" and "created_at" are the same."""
    return _SIGNS.sub("", unicodedata.normalize("NFC", text).casefold())


def columns(header: Sequence[str]) -> dict[str, int]:
    """Places of the columns we know, by our name; of two that mean the same the surer name counts."""
    found: dict[str, tuple[int, int]] = {}
    for place, cell in enumerate(header):
        name = "number" if cell.strip() == "#" else plain(cell)
        rank, field = _NAMES.get(name, (0, ""))
        if field and (field not in found or rank < found[field][0]):
            found[field] = (rank, place)
    return {field: place for field, (_, place) in found.items()}


def left_alone(header: Sequence[str]) -> list[str]:
    """Columns that are not read."""
    read = set(columns(header).values())
    return [cell.strip()[:60] for place, cell in enumerate(header) if cell.strip() and place not in read]
