-- Which holds are calls of a model of which the tenant may have only so many at once.
CREATE TABLE calls (
    tenant_id TEXT NOT NULL,
    day TEXT NOT NULL,
    hold TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, hold)
) STRICT, WITHOUT ROWID;
