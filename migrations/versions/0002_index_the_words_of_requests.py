"""index the words of requests

Revision: 0002, after 0001

A document per request: its title, what its readers may see of the conversation, team notes apart, and tokens that say who may find it.
SQLite: an FTS5 table without a copy of the text. Triggers only note which requests changed and what their document was (FTS5 is not let
into triggers while ``trusted_schema`` is off); ``portal.kernel.search`` renews those documents as part of every commit.
PostgreSQL: a row with a tsvector, renewed by triggers when the transaction commits.
"""

import json
import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BATCH = 5000
LIMIT = 100000
"""Characters of a conversation that are indexed, the newest messages first."""
LETTERS = {"ß": "ss", "ẞ": "ss", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ł": "l", "Ł": "l", "đ": "d", "Đ": "d"}
LETTERS |= {"ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ı": "i", "ς": "σ"}
"""Letters that no decomposition makes plain; the same as in ``portal.kernel.search``."""
NOTED = {
    "requests": "title, answers, customer_impact, place, requester_id, filed_by_id, from_department_id, department_id, service_id, is_confidential",
    "messages": "request_id, kind, body",
    "attachments": "request_id, message_id, name",
    "participants": "request_id, person_id",
}
"""Columns of each table that the document of a request depends on."""


def upgrade() -> None:
    """Make the index and fill it with the requests there are."""
    sqlite_up() if op.get_bind().dialect.name == "sqlite" else postgresql_up()


def downgrade() -> None:
    """Drop the index; it holds nothing that is not in the rows."""
    sqlite_down() if op.get_bind().dialect.name == "sqlite" else postgresql_down()


# -- SQLite -------------------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """As ``portal.kernel.search`` folded a text when this was written."""
    if text.isascii():
        return text.lower()
    return re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFKD", text)).lower().translate(str.maketrans(LETTERS))


def told(answers: str | None) -> str:
    """The texts among the answers of a form."""
    try:
        waiting, found = [json.loads(answers or "{}")], []
    except ValueError:
        return ""
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict | list):
            waiting += list(value.values()) if isinstance(value, dict) else value
    return " ".join(found)


def sqlite_up() -> None:
    """Virtual table, view, notes of what changed, triggers, rows."""
    op.execute(
        "CREATE VIRTUAL TABLE search_requests USING fts5(title, body, note, scope, content='', columnsize=0, tokenize=\"unicode61 remove_diacritics 2\")"
    )
    op.execute("CREATE VIRTUAL TABLE search_requests_known USING fts5vocab('search_requests', 'instance')")
    # Merging is done a little at a time by a job; a writer that meets a long merge would wait half a second.
    op.execute("INSERT INTO search_requests (search_requests, rank) VALUES ('automerge', 0)")
    op.execute("INSERT INTO search_requests (search_requests, rank) VALUES ('crisismerge', 128)")
    op.execute(sqlite_view())
    op.execute("CREATE TABLE search_requests_stale (id INTEGER PRIMARY KEY, title TEXT, body TEXT, note TEXT, scope TEXT, answers TEXT)")
    for statement in sqlite_triggers():
        op.execute(statement)
    sqlite_fill()


def sqlite_fill() -> None:
    """Write the document of every request there is."""
    raw = op.get_bind().connection.driver_connection
    (last,) = raw.execute("SELECT coalesce(max(id), 0) FROM requests").fetchone()
    for start in range(0, last, BATCH):
        found = raw.execute("SELECT * FROM search_requests_texts WHERE id > ? AND id <= ? ORDER BY id", (start, start + BATCH)).fetchall()
        documents = [(key, fold(title), fold(f"{body} {told(answers)}"), fold(note), scope) for key, title, body, note, scope, answers in found]
        raw.executemany("INSERT INTO search_requests (rowid, title, body, note, scope) VALUES (?, ?, ?, ?, ?)", documents)


def texts(of: str, kind: str) -> str:
    """SQL: bodies or names of files of one request, of the messages that are ``kind``, the newest first."""
    source = "messages m WHERE" if of == "body" else "attachments a JOIN messages m ON m.id = a.message_id WHERE a.request_id = r.id AND"
    column = "m.body" if of == "body" else "replace(a.name, '_', ' ')"
    return f"(SELECT group_concat(t, ' ') FROM (SELECT {column} AS t FROM {source} m.request_id = r.id AND m.kind {kind} ORDER BY m.id DESC))"  # noqa: S608 - constants


def sqlite_view() -> str:
    """What the document of each request is made of."""
    public, private = "<> 'note'", "= 'note'"
    body = " || ' ' || ".join(f"coalesce({part}, '')" for part in ("r.place", "r.customer_impact", texts("name", public), texts("body", public)))
    note = f"coalesce({texts('name', private)}, '') || ' ' || coalesce({texts('body', private)}, '')"
    openly = "' f' || r.filed_by_id || ' d' || r.department_id || coalesce(' o' || r.from_department_id, '') || ' oo'"
    followed = "coalesce((SELECT group_concat(' p' || p.person_id, '') FROM participants p WHERE p.request_id = r.id), '')"
    scope = f"'p' || r.requester_id || CASE WHEN r.is_confidential THEN ' n' || r.service_id ELSE {openly} END || {followed}"
    columns = f"r.id AS id, r.title AS title, substr({body}, 1, {LIMIT}) AS body, substr({note}, 1, {LIMIT}) AS note, {scope} AS scope, r.answers AS answers"
    return f"CREATE VIEW search_requests_texts AS SELECT {columns} FROM requests r"  # noqa: S608 - constants


def sqlite_triggers() -> list[str]:
    """Before anything that matters changes, the document as it is now is kept beside, once."""
    found = ["CREATE TRIGGER search_requests_new AFTER INSERT ON requests BEGIN INSERT OR IGNORE INTO search_requests_stale (id) VALUES (NEW.id); END"]
    for table, columns in NOTED.items():
        key = "id" if table == "requests" else "request_id"
        changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in columns.split(", "))
        found.append(
            f"CREATE TRIGGER search_{table}_change BEFORE UPDATE OF {columns} ON {table} WHEN {changed} BEGIN {kept('OLD', key)} {kept('NEW', key)} END"
        )
        found.append(f"CREATE TRIGGER search_{table}_end BEFORE DELETE ON {table} BEGIN {kept('OLD', key)} END")
        if table != "requests":
            found.append(f"CREATE TRIGGER search_{table}_new BEFORE INSERT ON {table} BEGIN {kept('NEW', key)} END")
    return found


def kept(row: str, key: str) -> str:
    """SQL: keep the present document of a request unless one is kept already."""
    new = f"NOT EXISTS (SELECT 1 FROM search_requests_stale WHERE id = {row}.{key})"  # noqa: S608 - constants
    return f"INSERT INTO search_requests_stale SELECT * FROM search_requests_texts WHERE id = {row}.{key} AND {new};"  # noqa: S608 - constants


def sqlite_down() -> None:
    """Drop everything in the order of its dependence."""
    for table in NOTED:
        for event in ("new", "change", "end"):
            op.execute(f"DROP TRIGGER search_{table}_{event}")
    for what in ("VIEW search_requests_texts", "TABLE search_requests_stale", "TABLE search_requests_known", "TABLE search_requests"):
        op.execute(f"DROP {what}")


# -- PostgreSQL ---------------------------------------------------------------------------------------------------------


def folded(expression: str) -> str:
    """SQL: small letters without accents, everything between words a space; needs no extension and no particular locale."""
    expression = f"lower(regexp_replace(normalize({expression}, NFKD), '[\\u0300-\\u036f]', '', 'g'))"
    for letter, instead in LETTERS.items():
        expression = f"replace({expression}, '{letter}', '{instead}')"
    return f"regexp_replace({expression}, '[\\u0001-\\u002f:-@\\[-`{{-\\u00bf\\u2000-\\u206f\\u3000-\\u303f]+', ' ', 'g')"


def postgresql_up() -> None:
    """Functions, table, triggers at the end of the transaction, rows, index."""
    op.execute(sa.text(postgresql_fold().replace(":", "\\:")))
    op.execute(sa.text(postgresql_words().replace(":", "\\:")))
    op.execute("CREATE TABLE search_requests (id integer PRIMARY KEY, words tsvector NOT NULL, renewed bigint NOT NULL)")
    op.execute(sa.text(postgresql_renew().replace(":", "\\:")))
    connection = op.get_bind()
    last = connection.execute(sa.text("SELECT coalesce(max(id), 0) FROM requests")).scalar_one()
    fill = sa.text("INSERT INTO search_requests SELECT id, search_requests_words(id), 0 FROM requests WHERE id > :after AND id <= :upto")
    for start in range(0, last, BATCH):
        connection.execute(fill, {"after": start, "upto": start + BATCH})
    # Without a list of pending entries every writer pays two milliseconds; with it one in a hundred pays a hundred.
    op.execute("CREATE INDEX ix_search_requests_words ON search_requests USING gin (words) WITH (fastupdate = off)")
    op.execute("ALTER TABLE search_requests ALTER COLUMN words SET STATISTICS 400")
    for table, columns in NOTED.items():
        deferred = "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        key = "id" if table == "requests" else "request_id"
        changed = " OR ".join(f"OLD.{column}{cast(column)} IS DISTINCT FROM NEW.{column}{cast(column)}" for column in columns.split(", "))
        call = f"EXECUTE FUNCTION search_requests_renew('{key}')"
        op.execute(f"CREATE CONSTRAINT TRIGGER search_{table}_new AFTER INSERT OR DELETE ON {table} {deferred} {call}")
        op.execute(sa.text(f"CREATE CONSTRAINT TRIGGER search_{table}_change AFTER UPDATE ON {table} {deferred} WHEN ({changed}) {call}".replace(":", "\\:")))


def cast(column: str) -> str:
    """SQL: JSON has no equality of its own."""
    return "::text" if column == "answers" else ""


def postgresql_fold() -> str:
    """The function that folds a text."""
    return f"CREATE FUNCTION search_fold(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$ SELECT {folded(f'left(given, {LIMIT})')} $$"


def postgresql_words() -> str:
    """The function that makes the document of a request: title A, readable words B, team notes D, tokens without a place."""
    answers = "CASE WHEN r.answers::text LIKE '%\\u0000%' THEN '{}' ELSE r.answers::jsonb END"
    told = f"SELECT string_agg(v #>> '{{}}', ' ') FROM jsonb_path_query({answers}, 'strict $.**') v WHERE jsonb_typeof(v) = 'string'"  # noqa: S608 - constants
    file_of = "attachments a JOIN messages m ON m.id = a.message_id"
    names = f"SELECT string_agg(replace(a.name, '_', ' '), ' ') FROM {file_of} WHERE a.request_id = r.id AND m.kind"  # noqa: S608 - constants
    bodies = "SELECT string_agg(m.body, ' ' ORDER BY m.id DESC) FROM messages m WHERE m.request_id = r.id AND m.kind"
    public = f"concat_ws(' ', r.place, r.customer_impact, ({told}), ({names} <> 'note'), ({bodies} <> 'note'))"
    private = f"concat_ws(' ', ({names} = 'note'), ({bodies} = 'note'))"
    openly = "ARRAY['=f' || r.filed_by_id, '=d' || r.department_id, coalesce('=o' || r.from_department_id, '=oo'), '=oo']"
    followed = "ARRAY(SELECT '=p' || p.person_id FROM participants p WHERE p.request_id = r.id)"
    scope = f"ARRAY['=p' || r.requester_id] || CASE WHEN r.is_confidential THEN ARRAY['=n' || r.service_id] ELSE {openly} END || {followed}"
    parts = (("r.title", "A"), (public, "B"), (private, "D"))
    weighed = [f"setweight(to_tsvector('pg_catalog.simple', search_fold({text})), '{mark}')" for text, mark in parts]
    document = " || ".join([*weighed, f"array_to_tsvector({scope})"])
    head = "CREATE FUNCTION search_requests_words(number integer) RETURNS tsvector LANGUAGE sql VOLATILE AS"
    return f"{head} $$ SELECT {document} FROM requests r WHERE r.id = number $$"  # noqa: S608 - constants


def postgresql_renew() -> str:
    """The trigger function: once per request and transaction, after everything else; whoever else changes the request waits here."""
    return """
    CREATE FUNCTION search_requests_renew() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        mark bigint := pg_current_xact_id()::text::bigint;
        number integer;
    BEGIN
        FOR number IN
            SELECT DISTINCT (row_of ->> TG_ARGV[0])::integer
            FROM unnest(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END]) row_of
            WHERE row_of IS NOT NULL ORDER BY 1
        LOOP
            CONTINUE WHEN EXISTS (SELECT 1 FROM search_requests WHERE id = number AND renewed = mark);
            -- The row is locked before the words are read: what another transaction adds meanwhile is seen by whoever comes second.
            INSERT INTO search_requests VALUES (number, ''::tsvector, 0) ON CONFLICT (id) DO UPDATE SET renewed = 0;
            IF EXISTS (SELECT 1 FROM requests WHERE id = number) THEN
                UPDATE search_requests SET words = search_requests_words(number), renewed = mark WHERE id = number;
            ELSE
                DELETE FROM search_requests WHERE id = number;
            END IF;
        END LOOP;
        RETURN NULL;
    END $$
    """


def postgresql_down() -> None:
    """Drop everything in the order of its dependence."""
    for table in NOTED:
        for event in ("new", "change"):
            op.execute(f"DROP TRIGGER search_{table}_{event} ON {table}")
    op.execute("DROP TABLE search_requests")
    for function in ("search_requests_renew()", "search_requests_words(integer)", "search_fold(text)"):
        op.execute(f"DROP FUNCTION {function}")
