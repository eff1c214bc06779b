"""share work out

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Tables of the ways, shares, turns and watches; nobody's work is shared out until a lead says so."""
    op.create_table(
        "sharing_rules",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=True),
        sa.Column("way", sa.String(40), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("floor", sa.BigInteger(), nullable=False),
        sa.Column("away_days", sa.Integer(), nullable=True),
        sa.Column("returns_idle", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_sharing_rules_department_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_sharing_rules_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sharing_rules")),
        sa.UniqueConstraint("service_id", name=op.f("uq_sharing_rules_service_id")),
    )
    whole = sa.text("service_id IS NULL")
    op.create_index("uq_sharing_rules_whole", "sharing_rules", ["department_id"], unique=True, sqlite_where=whole, postgresql_where=whole)
    op.create_index("ix_sharing_rules_department_id", "sharing_rules", ["department_id"])
    op.create_table(
        "sharing_shares",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("cap", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_sharing_shares_department_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_sharing_shares_person_id")),
        sa.PrimaryKeyConstraint("department_id", "person_id", name=op.f("pk_sharing_shares")),
    )
    op.create_table(
        "sharing_turns",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["rule_id"], ["sharing_rules.id"], name=op.f("fk_sharing_turns_rule_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_sharing_turns_person_id")),
        sa.PrimaryKeyConstraint("rule_id", "person_id", name=op.f("pk_sharing_turns")),
    )
    op.create_table(
        "sharing_watches",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_sharing_watches_request_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_sharing_watches_person_id")),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_sharing_watches")),
    )
    op.create_index(op.f("ix_sharing_watches_person_id"), "sharing_watches", ["person_id"])
    op.create_index(op.f("ix_sharing_watches_due_at"), "sharing_watches", ["due_at"])


def downgrade() -> None:
    """Who has what is in the requests; only the ways go."""
    for table in ("sharing_watches", "sharing_turns", "sharing_shares", "sharing_rules"):
        op.drop_table(table)
