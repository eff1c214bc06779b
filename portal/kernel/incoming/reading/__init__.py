"""Reading the raw bytes of a mail into what a person would say about it. Pure: no database, no network, and never an exception.

Mail is parsed with the old ``compat32`` policy and header readers of our own: the modern policy raises on headers that real mail has.
"""

from portal.kernel.incoming.reading.guard import TooSlow, read_within
from portal.kernel.incoming.reading.message import read
from portal.kernel.incoming.reading.values import Automatic, Failure, Mailbox, Part, Reading

__all__ = ["Automatic", "Failure", "Mailbox", "Part", "Reading", "TooSlow", "read", "read_within"]
