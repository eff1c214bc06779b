"""keep mail that comes in

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TAKING_MAIL = ["repair", "invoice-question", "it-question", "contract-review", "web-page", "benefits-leave", "suspicious-mail"]
"""Of the shipped catalogue, one for each department."""


def upgrade() -> None:
    """Tables of mail as it came and of the messages it became; none came before."""
    op.create_table(
        "incoming_mails",
        sa.Column("key", sa.String(length=160), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("via", sa.String(length=12), nullable=False),
        sa.Column("envelope_from", sa.String(length=320), nullable=True),
        sa.Column("envelope_to", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sender", sa.String(length=320), nullable=False),
        sa.Column("sender_name", sa.String(length=120), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("message_id", sa.String(length=420), nullable=True),
        sa.Column("decision", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("subject_kind", sa.String(length=60), nullable=True),
        sa.Column("subject_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_incoming_mails_file_id_files")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_mails")),
        sa.UniqueConstraint("key", name=op.f("uq_incoming_mails_key")),
    )
    undecided = {"sqlite_where": sa.text("decision IS NULL"), "postgresql_where": sa.text("decision IS NULL")}
    op.create_index("ix_incoming_mails_undecided", "incoming_mails", ["id"], **undecided)
    op.create_index("ix_incoming_mails_decision_id", "incoming_mails", ["decision", "id"])
    op.add_column("services", sa.Column("takes_mail", sa.Boolean(), nullable=False, server_default=sa.false()))
    keys = sa.bindparam("keys", value=TAKING_MAIL, expanding=True)
    op.execute(sa.text("UPDATE services SET takes_mail = true WHERE key IN :keys").bindparams(keys))
    op.create_table(
        "mailed_messages",
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("mail_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["mail_id"], ["incoming_mails.id"], name=op.f("fk_mailed_messages_mail_id_incoming_mails")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_mailed_messages_message_id_messages")),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_mailed_messages")),
        sa.UniqueConstraint("mail_id", name=op.f("uq_mailed_messages_mail_id")),
    )


def downgrade() -> None:
    """What the mails said is in the requests; the originals are swept from the store after a day."""
    op.drop_table("mailed_messages")
    op.drop_column("services", "takes_mail")
    op.drop_table("incoming_mails")
    op.execute("DELETE FROM files WHERE mime = 'message/rfc822' AND owner_id IS NULL AND name = 'original.eml'")
