"""Tables of the request desk."""

from portal.desk.models.clocks import Alert, Breach, Clock, ClockEvent
from portal.desk.models.conversation import Attachment, Draft, Message
from portal.desk.models.figures import FigureChange, FigureCount
from portal.desk.models.mail import MailedMessage
from portal.desk.models.requests import Participant, Request
from portal.desk.models.services import CannedReply, NamedFulfiller, PromiseVersion, Service
from portal.desk.models.sharing import SharingRule, SharingShare, SharingTurn, SharingWatch
from portal.desk.rules import OPEN, PAUSED, MessageKind, Priority, Status

__all__ = [
    "OPEN",
    "PAUSED",
    "Alert",
    "Attachment",
    "Breach",
    "CannedReply",
    "Clock",
    "ClockEvent",
    "Draft",
    "FigureChange",
    "FigureCount",
    "MailedMessage",
    "Message",
    "MessageKind",
    "NamedFulfiller",
    "Participant",
    "Priority",
    "PromiseVersion",
    "Request",
    "Service",
    "SharingRule",
    "SharingShare",
    "SharingTurn",
    "SharingWatch",
    "Status",
]
