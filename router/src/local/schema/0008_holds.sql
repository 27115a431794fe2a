-- What turns under way hold of their budgets. Settling removes it; what nobody settled goes back once it has expired. (`reservations`
-- stays for a router of the release before, which may still run on this database.)
CREATE TABLE holds (
    tenant_id TEXT NOT NULL,
    day TEXT NOT NULL,
    hold TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_since TEXT NOT NULL,
    credential TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    nano_usd INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, hold)
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_by_expiry ON holds (expires_at);
