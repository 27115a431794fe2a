-- Budgets of one user or key, in place of those that each of them has, as JSON.
ALTER TABLE users ADD COLUMN budgets TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN budgets TEXT NOT NULL DEFAULT '{}';
