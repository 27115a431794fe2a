-- What turns used, by who asked, by which key, and by what answered. An empty text is none: a user made by an earlier release,
-- no key, no route, no model.
CREATE TABLE ledger (
    tenant_id TEXT NOT NULL,
    day TEXT NOT NULL,
    user_id TEXT NOT NULL,
    user_since TEXT NOT NULL,
    credential TEXT NOT NULL,
    route TEXT NOT NULL,
    model TEXT NOT NULL,
    turns INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_nano_usd INTEGER NOT NULL,
    unpriced_tokens INTEGER NOT NULL,
    estimated_tokens INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, day, user_id, user_since, credential, route, model)
) STRICT, WITHOUT ROWID;
