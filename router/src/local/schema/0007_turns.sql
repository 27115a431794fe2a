-- Turns that are answered apart from the request that asked for them, kept for minutes. `progress` is JSON; `expires_at` is in
-- seconds since 1970.
CREATE TABLE turns (
    tenant_id TEXT NOT NULL,
    channel TEXT NOT NULL,
    user_id TEXT NOT NULL,
    turn_id TEXT NOT NULL,
    owner_since TEXT,
    session_id TEXT NOT NULL,
    message TEXT NOT NULL,
    started_at TEXT NOT NULL,
    progress TEXT NOT NULL,
    stop INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, channel, user_id, turn_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX turns_by_expiry ON turns (expires_at);
CREATE INDEX turns_of_user ON turns (tenant_id, user_id);

-- What a conversation began with, for lists. NULL in those that earlier releases made.
ALTER TABLE conversations ADD COLUMN title TEXT;
