"""Which messages came by mail."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from portal.kernel.db import Base
from portal.kernel.incoming.store import IncomingMail


class MailedMessage(Base):
    """That an entry of a conversation came by mail; a mail becomes one entry at most."""

    __tablename__ = "mailed_messages"

    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id"), primary_key=True, autoincrement=False)
    mail_id: Mapped[int] = mapped_column(ForeignKey(IncomingMail.id), unique=True)
