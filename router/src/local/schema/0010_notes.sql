-- What is remembered of a user for minutes, each taken once. `value` is JSON; `expires_at` is in seconds since 1970.
CREATE TABLE notes (
    tenant_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, user_id, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX notes_by_expiry ON notes (expires_at);
