"""Tables of the request desk."""

from portal.desk.models.clocks import Alert, Breach, Clock, ClockEvent
from portal.desk.models.conversation import Attachment, Draft, Message
from portal.desk.models.figures import FigureCell, FigureChange, FigureCount, HeadCount
from portal.desk.models.importing import RequestImport, TakenRequest
from portal.desk.models.mail import MailedMessage
from portal.desk.models.requests import Participant, Request
from portal.desk.models.services import CannedReply, NamedFulfiller, PromiseVersion, Service
from portal.desk.models.sharing import SharingRule, SharingShare, SharingTurn, SharingWatch
from portal.desk.models.talk import Mention, Presence
from portal.desk.models.views import QueueDefault, QueueUndo, SavedView
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
    "FigureCell",
    "FigureChange",
    "FigureCount",
    "HeadCount",
    "MailedMessage",
    "Mention",
    "Message",
    "MessageKind",
    "NamedFulfiller",
    "Participant",
    "Presence",
    "Priority",
    "PromiseVersion",
    "QueueDefault",
    "QueueUndo",
    "Request",
    "RequestImport",
    "SavedView",
    "Service",
    "SharingRule",
    "SharingShare",
    "SharingTurn",
    "SharingWatch",
    "Status",
    "TakenRequest",
]
