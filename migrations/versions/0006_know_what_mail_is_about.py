"""know what mail is about

Revision: 0006, after 0005

What mails sent before are about is written in their ids, "told.PERSON.KIND.NUMBER.NOTICE"; they get it in batches.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 5000
COLUMNS = ("subject_kind", "subject_id", "relay_id", "voice", "from_name", "from_address")
_OLD_ID = re.compile(r"<told\.\d{1,9}\.desk-request\.(\d{1,9})\.\d{1,12}@")


def upgrade() -> None:
    """Six columns of mails and one of notices, and three tables about what comes back."""
    op.add_column("mails", sa.Column("subject_kind", sa.String(60), nullable=True))
    op.add_column("mails", sa.Column("subject_id", sa.Integer(), nullable=True))
    op.add_column("mails", sa.Column("relay_id", sa.String(320), nullable=True))
    op.add_column("mails", sa.Column("voice", sa.String(40), nullable=False, server_default="portal"))
    op.add_column("mails", sa.Column("from_name", sa.String(100), nullable=True))
    op.add_column("mails", sa.Column("from_address", sa.String(320), nullable=True))
    op.add_column("notices", sa.Column("author_id", sa.Integer(), nullable=True))
    _fill()
    op.create_index("ix_mails_subject", "mails", ["subject_kind", "subject_id", "person_id"])
    where = sa.text("relay_id IS NOT NULL")
    op.create_index("ix_mails_relay_id", "mails", ["relay_id"], sqlite_where=where, postgresql_where=where)
    op.create_index("ix_incoming_mails_subject", "incoming_mails", ["subject_kind", "subject_id"])
    _tables()


def _fill() -> None:
    bind, last = op.get_bind(), 0
    page = sa.text(f"SELECT id, message_id FROM mails WHERE id > :last ORDER BY id LIMIT {BATCH}")  # noqa: S608 - a number of our own
    fill = sa.text("UPDATE mails SET subject_kind = 'desk.request', subject_id = :number WHERE id = :id")
    while rows := bind.execute(page, {"last": last}).all():
        last = rows[-1].id
        about = [{"id": row.id, "number": int(found[1])} for row in rows if (found := _OLD_ID.match(row.message_id))]
        if about:
            bind.execute(fill, about)


def _tables() -> None:
    op.create_table(
        "mail_failures",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("mail_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("words", sa.String(300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_settled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_failures")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_mail_failures_person_id")),
        sa.ForeignKeyConstraint(["mail_id"], ["mails.id"], name=op.f("fk_mail_failures_mail_id")),
        sa.UniqueConstraint("mail_id", "kind", name=op.f("uq_mail_failures_mail_id_kind")),
    )
    op.create_index("ix_mail_failures_person_id_at", "mail_failures", ["person_id", "at"])
    op.create_table(
        "dead_addresses",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("words", sa.String(300), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_dead_addresses")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_dead_addresses_person_id")),
    )
    op.create_table(
        "automatic_mails",
        sa.Column("address", sa.String(320), nullable=False),
        sa.Column("newest", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second", sa.DateTime(timezone=True), nullable=True),
        sa.Column("third", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_automatic_mails")),
    )


def downgrade() -> None:
    """The tables and columns go; mails keep their ids, in which it stands what they are about."""
    for table in ("automatic_mails", "dead_addresses", "mail_failures"):
        op.drop_table(table)
    op.drop_index("ix_incoming_mails_subject", "incoming_mails")
    op.drop_index("ix_mails_relay_id", "mails")
    op.drop_index("ix_mails_subject", "mails")
    op.drop_column("notices", "author_id")
    for name in reversed(COLUMNS):
        op.drop_column("mails", name)
