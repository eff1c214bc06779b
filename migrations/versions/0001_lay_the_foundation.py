"""lay the foundation

Revision: 0001, after
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event", sa.String(length=80), nullable=False),
        sa.Column("actor_kind", sa.String(length=12), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("subject_kind", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("changes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("request_ref", sa.String(length=40), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.create_index("ix_activity_actor_id_id", ["actor_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_activity_at"), ["at"], unique=False)
        batch_op.create_index("ix_activity_event_id", ["event", "id"], unique=False)
        batch_op.create_index("ix_activity_subject", ["subject_kind", "subject_id", "id"], unique=False)

    op.create_table(
        "calendars",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
        sa.UniqueConstraint("name", name=op.f("uq_calendars_name")),
    )
    op.create_table(
        "file_usage",
        sa.Column("owner_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_file_usage")),
    )
    op.create_table(
        "files",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("mime", sa.String(length=100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
    )
    with op.batch_alter_table("files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_files_digest"), ["digest"], unique=False)
        batch_op.create_index(batch_op.f("ix_files_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "jobs",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("unique_key", sa.String(length=200), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("unique_key", name=op.f("uq_jobs_unique_key")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index("ix_jobs_state_run_at", ["state", "run_at"], unique=False)

    op.create_table(
        "locations",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("subdivision", sa.String(length=10), nullable=True),
        sa.Column("address", sa.String(length=300), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("name", name=op.f("uq_locations_name")),
    )
    op.create_table(
        "mails",
        sa.Column("message_id", sa.String(length=320), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("to", sa.String(length=320), nullable=False),
        sa.Column("to_name", sa.String(length=100), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=True),
        sa.Column("in_reply_to", sa.String(length=320), nullable=True),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=500), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("message_id", name=op.f("uq_mails_message_id")),
    )
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mails_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_mails_person_id"), ["person_id"], unique=False)
        batch_op.create_index("ix_mails_state_next_try_at", ["state", "next_try_at"], unique=False)

    op.create_table(
        "observations",
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("subject_kind", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observations")),
    )
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.create_index("ix_observations_subject", ["subject_kind", "subject_id", "id"], unique=False)

    op.create_table(
        "periodic_runs",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", "due", name=op.f("pk_periodic_runs")),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stepped_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_seconds", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=120), nullable=False),
        sa.Column("address", sa.String(length=60), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("digest", name=op.f("uq_sessions_digest")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_person_id"), ["person_id"], unique=False)

    op.create_table(
        "submissions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_submissions")),
    )
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submissions_at"), ["at"], unique=False)

    op.create_table(
        "throttles",
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttles")),
    )
    with op.batch_alter_table("throttles", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_throttles_updated_at"), ["updated_at"], unique=False)

    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
        sa.UniqueConstraint("digest", name=op.f("uq_tokens_digest")),
    )
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tokens_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index("ix_tokens_owner_id_purpose", ["owner_id", "purpose"], unique=False)

    op.create_table(
        "calendar_versions",
        sa.Column("calendar_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("subdivision", sa.String(length=10), nullable=True),
        sa.Column("holidays", sa.JSON(), nullable=False),
        sa.Column("overrides", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name=op.f("fk_calendar_versions_calendar_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_versions")),
        sa.UniqueConstraint("calendar_id", "version", name=op.f("uq_calendar_versions_calendar_id_version")),
    )
    with op.batch_alter_table("calendar_versions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_calendar_versions_calendar_id"), ["calendar_id"], unique=False)

    op.create_table(
        "departments",
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("lead_id", sa.Integer(), nullable=True),
        sa.Column("value_line", sa.String(length=160), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=60), nullable=True),
        sa.Column("calendar_id", sa.Integer(), nullable=True),
        sa.Column("location_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendars.id"], name=op.f("fk_departments_calendar_id")),
        sa.ForeignKeyConstraint(["lead_id"], ["persons.id"], name=op.f("fk_departments_lead_id"), use_alter=True),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_departments_location_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["departments.id"], name=op.f("fk_departments_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departments")),
        sa.UniqueConstraint("key", name=op.f("uq_departments_key")),
        sa.UniqueConstraint("name", name=op.f("uq_departments_name")),
    )
    with op.batch_alter_table("departments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_departments_lead_id"), ["lead_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_departments_parent_id"), ["parent_id"], unique=False)

    op.create_table(
        "canned_replies",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_acknowledgement", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_canned_replies_department_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_replies")),
    )
    with op.batch_alter_table("canned_replies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_canned_replies_department_id"), ["department_id"], unique=False)

    op.create_table(
        "persons",
        sa.Column("staff_number", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("given_name", sa.String(length=80), nullable=False),
        sa.Column("sort_name", sa.String(length=160), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("location_id", sa.Integer(), nullable=True),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=60), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=True),
        sa.Column("locale", sa.String(length=10), nullable=True),
        sa.Column("theme", sa.String(length=10), nullable=False),
        sa.Column("keys_off", sa.Boolean(), nullable=False),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("pronouns", sa.String(length=40), nullable=False),
        sa.Column("pronunciation", sa.String(length=80), nullable=False),
        sa.Column("ask_me_about", sa.String(length=300), nullable=False),
        sa.Column("does_for_others", sa.String(length=160), nullable=False),
        sa.Column("prefers", sa.String(length=160), nullable=False),
        sa.Column("skills", sa.String(length=300), nullable=False),
        sa.Column("search_text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_persons_department_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_persons_location_id")),
        sa.ForeignKeyConstraint(["manager_id"], ["persons.id"], name=op.f("fk_persons_manager_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_persons")),
        sa.UniqueConstraint("email", name=op.f("uq_persons_email")),
        sa.UniqueConstraint("staff_number", name=op.f("uq_persons_staff_number")),
    )
    with op.batch_alter_table("persons", schema=None) as batch_op:
        batch_op.create_index("ix_persons_department_id_sort_name", ["department_id", "is_active", "sort_name", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_persons_end_date"), ["end_date"], unique=False)
        batch_op.create_index("ix_persons_is_active_sort_name", ["is_active", "sort_name", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_persons_manager_id"), ["manager_id"], unique=False)
        batch_op.create_index("ix_persons_sort_name", ["sort_name", "id"], unique=False)

    op.create_table(
        "services",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("question", sa.String(length=160), nullable=False),
        sa.Column("hint", sa.String(length=300), nullable=False),
        sa.Column("example", sa.String(length=160), nullable=False),
        sa.Column("call_note", sa.String(length=300), nullable=False),
        sa.Column("outcome", sa.String(length=200), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("icon", sa.String(length=40), nullable=False),
        sa.Column("is_confidential", sa.Boolean(), nullable=False),
        sa.Column("due_field", sa.String(length=60), nullable=True),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_services_department_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("key", name=op.f("uq_services_key")),
    )
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_services_department_id"), ["department_id"], unique=False)

    op.create_table(
        "absences",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("stands_in_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_absences_person_id")),
        sa.ForeignKeyConstraint(["stands_in_id"], ["persons.id"], name=op.f("fk_absences_stands_in_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absences")),
    )
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.create_index("ix_absences_person_id_last_day", ["person_id", "last_day"], unique=False)

    op.create_table(
        "credentials",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("password", sa.String(length=200), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_credentials_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_credentials")),
    )
    op.create_table(
        "deputies",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_deputies_department_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_deputies_person_id")),
        sa.PrimaryKeyConstraint("department_id", "person_id", name=op.f("pk_deputies")),
    )
    with op.batch_alter_table("deputies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deputies_person_id"), ["person_id"], unique=False)

    op.create_table(
        "drafts",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=80), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_drafts_person_id")),
        sa.PrimaryKeyConstraint("person_id", "form", name=op.f("pk_drafts")),
    )
    op.create_table(
        "fulfillers",
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("on_duty", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_fulfillers_department_id")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_fulfillers_person_id")),
        sa.PrimaryKeyConstraint("department_id", "person_id", name=op.f("pk_fulfillers")),
    )
    with op.batch_alter_table("fulfillers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fulfillers_person_id"), ["person_id"], unique=False)

    op.create_table(
        "import_runs",
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("preview", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("leave_missing", sa.Boolean(), nullable=False),
        sa.Column("started_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["started_by"], ["persons.id"], name=op.f("fk_import_runs_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_runs")),
    )
    op.create_table(
        "mail_turns",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("subject_kind", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("mailed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_mail_turns_person_id")),
        sa.PrimaryKeyConstraint("person_id", "subject_kind", "subject_id", name=op.f("pk_mail_turns")),
    )
    op.create_table(
        "named_fulfillers",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_named_fulfillers_person_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_named_fulfillers_service_id")),
        sa.PrimaryKeyConstraint("service_id", "person_id", name=op.f("pk_named_fulfillers")),
    )
    with op.batch_alter_table("named_fulfillers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_named_fulfillers_person_id"), ["person_id"], unique=False)

    op.create_table(
        "notice_preferences",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("mail", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_notice_preferences_person_id")),
        sa.PrimaryKeyConstraint("person_id", "kind", name=op.f("pk_notice_preferences")),
    )
    op.create_table(
        "notices",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("subject_kind", sa.String(length=60), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("plural", sa.String(length=300), nullable=True),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("why", sa.String(length=60), nullable=False),
        sa.Column("path", sa.String(length=300), nullable=False),
        sa.Column("excerpt", sa.String(length=2000), nullable=False),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mail_state", sa.String(40), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_notices_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("person_id", "subject_kind", "subject_id", "kind", "key", name=op.f("uq_notices_person_id_subject_kind_subject_id_kind_key")),
    )
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.create_index(
            "ix_notices_digest",
            ["person_id", "created_at"],
            unique=False,
            sqlite_where=sa.text("mail_state = 'digest'"),
            postgresql_where=sa.text("mail_state = 'digest'"),
        )
        batch_op.create_index(
            "ix_notices_hour", ["person_id"], unique=False, sqlite_where=sa.text("mail_state = 'hour'"), postgresql_where=sa.text("mail_state = 'hour'")
        )
        batch_op.create_index("ix_notices_person_id_id", ["person_id", "id"], unique=False)
        batch_op.create_index("ix_notices_unread", ["person_id", "is_read", "id"], unique=False)

    op.create_table(
        "promise_versions",
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_promise_versions_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promise_versions")),
        sa.UniqueConstraint("service_id", "version", name=op.f("uq_promise_versions_service_id_version")),
    )
    op.create_table(
        "quiet_hours",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("start", sa.Time(), nullable=False),
        sa.Column("end", sa.Time(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_quiet_hours_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_quiet_hours")),
    )
    op.create_table(
        "role_grants",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("granted_by", sa.Integer(), nullable=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_role_grants_department_id")),
        sa.ForeignKeyConstraint(["granted_by"], ["persons.id"], name=op.f("fk_role_grants_granted_by")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_role_grants_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_grants")),
    )
    with op.batch_alter_table("role_grants", schema=None) as batch_op:
        batch_op.create_index("ix_role_grants_person_id", ["person_id"], unique=False)

    op.create_table(
        "import_refusals",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("staff_number", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["import_runs.id"], name=op.f("fk_import_refusals_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_refusals")),
    )
    with op.batch_alter_table("import_refusals", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_import_refusals_run_id"), ["run_id"], unique=False)

    op.create_table(
        "requests",
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("requester_id", sa.Integer(), nullable=False),
        sa.Column("filed_by_id", sa.Integer(), nullable=False),
        sa.Column("from_department_id", sa.Integer(), nullable=True),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("priority", sa.String(40), nullable=False),
        sa.Column("customer_notices", sa.Boolean(), nullable=False),
        sa.Column("customer_impact", sa.String(length=300), nullable=False),
        sa.Column("call_me", sa.Boolean(), nullable=False),
        sa.Column("call_number", sa.String(length=60), nullable=False),
        sa.Column("location_id", sa.Integer(), nullable=True),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("is_confidential", sa.Boolean(), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("assignee_id", sa.Integer(), nullable=True),
        sa.Column("waits_for", sa.String(length=120), nullable=False),
        sa.Column("next_step", sa.String(length=300), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calendar_version_id", sa.Integer(), nullable=False),
        sa.Column("promise_version_id", sa.Integer(), nullable=False),
        sa.Column("next_clock", sa.String(length=20), nullable=True),
        sa.Column("next_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_alert_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("relieved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution_kind", sa.String(length=20), nullable=True),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("awaits_answer", sa.Boolean(), nullable=False),
        sa.Column("follow_up_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopen_count", sa.Integer(), nullable=False),
        sa.Column("follows_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(length=12), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["assignee_id"], ["persons.id"], name=op.f("fk_requests_assignee_id")),
        sa.ForeignKeyConstraint(["calendar_version_id"], ["calendar_versions.id"], name=op.f("fk_requests_calendar_version_id")),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_requests_department_id")),
        sa.ForeignKeyConstraint(["filed_by_id"], ["persons.id"], name=op.f("fk_requests_filed_by_id")),
        sa.ForeignKeyConstraint(["follows_id"], ["requests.id"], name=op.f("fk_requests_follows_id")),
        sa.ForeignKeyConstraint(["from_department_id"], ["departments.id"], name=op.f("fk_requests_from_department_id")),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_requests_location_id")),
        sa.ForeignKeyConstraint(["promise_version_id"], ["promise_versions.id"], name=op.f("fk_requests_promise_version_id")),
        sa.ForeignKeyConstraint(["requester_id"], ["persons.id"], name=op.f("fk_requests_requester_id")),
        sa.ForeignKeyConstraint(["service_id"], ["services.id"], name=op.f("fk_requests_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requests")),
    )
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.create_index("ix_requests_alerts", ["next_alert_at"], unique=False, sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open"))
        batch_op.create_index(
            "ix_requests_awaiting",
            ["department_id", "follow_up_at", "id"],
            unique=False,
            sqlite_where=sa.text("awaits_answer = 1"),
            postgresql_where=sa.text("awaits_answer"),
        )
        batch_op.create_index("ix_requests_department_id_id", ["department_id", "id"], unique=False)
        batch_op.create_index("ix_requests_filed_by_id_id", ["filed_by_id", "id"], unique=False)
        batch_op.create_index(
            "ix_requests_follow_up", ["follow_up_at"], unique=False, sqlite_where=sa.text("awaits_answer = 1"), postgresql_where=sa.text("awaits_answer")
        )
        batch_op.create_index("ix_requests_from_department_id_id", ["from_department_id", "id"], unique=False)
        batch_op.create_index(
            "ix_requests_mine_to_do",
            ["assignee_id", "next_due_at", "id"],
            unique=False,
            sqlite_where=sa.text("is_open = 1"),
            postgresql_where=sa.text("is_open"),
        )
        batch_op.create_index(
            "ix_requests_queue", ["department_id", "next_due_at", "id"], unique=False, sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")
        )
        batch_op.create_index("ix_requests_requester_id_id", ["requester_id", "id"], unique=False)
        batch_op.create_index(
            "ix_requests_requester_open", ["requester_id", "id"], unique=False, sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")
        )
        batch_op.create_index("ix_requests_service_id_requester_id", ["service_id", "requester_id", "id"], unique=False)
        batch_op.create_index(
            "ix_requests_service_open", ["service_id", "id"], unique=False, sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open")
        )

    op.create_table(
        "alerts",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("clock", sa.String(length=20), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_alerts_request_id")),
        sa.PrimaryKeyConstraint("request_id", "clock", "cycle", "threshold", name=op.f("pk_alerts")),
    )
    op.create_table(
        "breaches",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("clock", sa.String(length=20), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_breaches_department_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_breaches_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaches")),
        sa.UniqueConstraint("request_id", "clock", "cycle", name=op.f("uq_breaches_request_id_clock_cycle")),
    )
    op.create_table(
        "clock_events",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("by", sa.String(length=12), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["persons.id"], name=op.f("fk_clock_events_actor_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_clock_events_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock_events")),
    )
    with op.batch_alter_table("clock_events", schema=None) as batch_op:
        batch_op.create_index("ix_clock_events_request_id_at", ["request_id", "at", "id"], unique=False)

    op.create_table(
        "clocks",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("department_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("target_seconds", sa.Integer(), nullable=True),
        sa.Column("worked_seconds", sa.Integer(), nullable=False),
        sa.Column("paused_seconds", sa.Integer(), nullable=False),
        sa.Column("next_alert_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_threshold", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], name=op.f("fk_clocks_department_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_clocks_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clocks")),
        sa.UniqueConstraint("request_id", "name", "cycle", name=op.f("uq_clocks_request_id_name_cycle")),
    )
    with op.batch_alter_table("clocks", schema=None) as batch_op:
        batch_op.create_index(
            "ix_clocks_due", ["department_id", "due"], unique=False, sqlite_where=sa.text("due IS NOT NULL"), postgresql_where=sa.text("due IS NOT NULL")
        )

    op.create_table(
        "messages",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("next_step", sa.String(length=300), nullable=False),
        sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_first_answer", sa.Boolean(), nullable=False),
        sa.Column("asks", sa.Boolean(), nullable=False),
        sa.Column("needs_no_reply", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["persons.id"], name=op.f("fk_messages_author_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_messages_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.create_index("ix_messages_request_id_id", ["request_id", "id"], unique=False)

    op.create_table(
        "participants",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["persons.id"], name=op.f("fk_participants_added_by")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_participants_person_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_participants_request_id")),
        sa.PrimaryKeyConstraint("request_id", "person_id", name=op.f("pk_participants")),
    )
    with op.batch_alter_table("participants", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_participants_person_id"), ["person_id"], unique=False)

    op.create_table(
        "attachments",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("added_by", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["added_by"], ["persons.id"], name=op.f("fk_attachments_added_by")),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name=op.f("fk_attachments_file_id")),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name=op.f("fk_attachments_message_id")),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name=op.f("fk_attachments_request_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachments")),
    )
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachments_request_id"), ["request_id"], unique=False)

    if op.get_bind().dialect.name != "sqlite":  # SQLite has it in the table itself; a circle of two tables needs a second step elsewhere
        op.create_foreign_key(op.f("fk_departments_lead_id"), "departments", "persons", ["lead_id"], ["id"])


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("fk_departments_lead_id"), "departments", type_="foreignkey")
    with op.batch_alter_table("attachments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_attachments_request_id"))

    op.drop_table("attachments")
    with op.batch_alter_table("participants", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_participants_person_id"))

    op.drop_table("participants")
    with op.batch_alter_table("messages", schema=None) as batch_op:
        batch_op.drop_index("ix_messages_request_id_id")

    op.drop_table("messages")
    with op.batch_alter_table("clocks", schema=None) as batch_op:
        batch_op.drop_index("ix_clocks_due", sqlite_where=sa.text("due IS NOT NULL"), postgresql_where=sa.text("due IS NOT NULL"))

    op.drop_table("clocks")
    with op.batch_alter_table("clock_events", schema=None) as batch_op:
        batch_op.drop_index("ix_clock_events_request_id_at")

    op.drop_table("clock_events")
    op.drop_table("breaches")
    op.drop_table("alerts")
    with op.batch_alter_table("requests", schema=None) as batch_op:
        batch_op.drop_index("ix_requests_service_open", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open"))
        batch_op.drop_index("ix_requests_service_id_requester_id")
        batch_op.drop_index("ix_requests_requester_open", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open"))
        batch_op.drop_index("ix_requests_requester_id_id")
        batch_op.drop_index("ix_requests_queue", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open"))
        batch_op.drop_index("ix_requests_mine_to_do", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open"))
        batch_op.drop_index("ix_requests_from_department_id_id")
        batch_op.drop_index("ix_requests_follow_up", sqlite_where=sa.text("awaits_answer = 1"), postgresql_where=sa.text("awaits_answer"))
        batch_op.drop_index("ix_requests_filed_by_id_id")
        batch_op.drop_index("ix_requests_department_id_id")
        batch_op.drop_index("ix_requests_awaiting", sqlite_where=sa.text("awaits_answer = 1"), postgresql_where=sa.text("awaits_answer"))
        batch_op.drop_index("ix_requests_alerts", sqlite_where=sa.text("is_open = 1"), postgresql_where=sa.text("is_open"))

    op.drop_table("requests")
    with op.batch_alter_table("import_refusals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_refusals_run_id"))

    op.drop_table("import_refusals")
    with op.batch_alter_table("role_grants", schema=None) as batch_op:
        batch_op.drop_index("ix_role_grants_person_id")

    op.drop_table("role_grants")
    op.drop_table("quiet_hours")
    op.drop_table("promise_versions")
    with op.batch_alter_table("notices", schema=None) as batch_op:
        batch_op.drop_index("ix_notices_unread")
        batch_op.drop_index("ix_notices_person_id_id")
        batch_op.drop_index("ix_notices_hour", sqlite_where=sa.text("mail_state = 'hour'"), postgresql_where=sa.text("mail_state = 'hour'"))
        batch_op.drop_index("ix_notices_digest", sqlite_where=sa.text("mail_state = 'digest'"), postgresql_where=sa.text("mail_state = 'digest'"))

    op.drop_table("notices")
    op.drop_table("notice_preferences")
    with op.batch_alter_table("named_fulfillers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_named_fulfillers_person_id"))

    op.drop_table("named_fulfillers")
    op.drop_table("mail_turns")
    op.drop_table("import_runs")
    with op.batch_alter_table("fulfillers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_fulfillers_person_id"))

    op.drop_table("fulfillers")
    op.drop_table("drafts")
    with op.batch_alter_table("deputies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_deputies_person_id"))

    op.drop_table("deputies")
    op.drop_table("credentials")
    with op.batch_alter_table("absences", schema=None) as batch_op:
        batch_op.drop_index("ix_absences_person_id_last_day")

    op.drop_table("absences")
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_services_department_id"))

    op.drop_table("services")
    with op.batch_alter_table("persons", schema=None) as batch_op:
        batch_op.drop_index("ix_persons_sort_name")
        batch_op.drop_index(batch_op.f("ix_persons_manager_id"))
        batch_op.drop_index("ix_persons_is_active_sort_name")
        batch_op.drop_index(batch_op.f("ix_persons_end_date"))
        batch_op.drop_index("ix_persons_department_id_sort_name")

    op.drop_table("persons")
    with op.batch_alter_table("canned_replies", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_canned_replies_department_id"))

    op.drop_table("canned_replies")
    with op.batch_alter_table("departments", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_departments_parent_id"))
        batch_op.drop_index(batch_op.f("ix_departments_lead_id"))

    op.drop_table("departments")
    with op.batch_alter_table("calendar_versions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_calendar_versions_calendar_id"))

    op.drop_table("calendar_versions")
    with op.batch_alter_table("tokens", schema=None) as batch_op:
        batch_op.drop_index("ix_tokens_owner_id_purpose")
        batch_op.drop_index(batch_op.f("ix_tokens_expires_at"))

    op.drop_table("tokens")
    with op.batch_alter_table("throttles", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_throttles_updated_at"))

    op.drop_table("throttles")
    with op.batch_alter_table("submissions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submissions_at"))

    op.drop_table("submissions")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_person_id"))
        batch_op.drop_index(batch_op.f("ix_sessions_expires_at"))

    op.drop_table("sessions")
    op.drop_table("periodic_runs")
    with op.batch_alter_table("observations", schema=None) as batch_op:
        batch_op.drop_index("ix_observations_subject")

    op.drop_table("observations")
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.drop_index("ix_mails_state_next_try_at")
        batch_op.drop_index(batch_op.f("ix_mails_person_id"))
        batch_op.drop_index(batch_op.f("ix_mails_created_at"))

    op.drop_table("mails")
    op.drop_table("locations")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index("ix_jobs_state_run_at")

    op.drop_table("jobs")
    op.drop_table("heartbeats")
    with op.batch_alter_table("files", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_files_owner_id"))
        batch_op.drop_index(batch_op.f("ix_files_digest"))

    op.drop_table("files")
    op.drop_table("file_usage")
    op.drop_table("calendars")
    with op.batch_alter_table("activity", schema=None) as batch_op:
        batch_op.drop_index("ix_activity_subject")
        batch_op.drop_index("ix_activity_event_id")
        batch_op.drop_index(batch_op.f("ix_activity_at"))
        batch_op.drop_index("ix_activity_actor_id_id")

    op.drop_table("activity")
