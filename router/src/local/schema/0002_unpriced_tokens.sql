-- Tokens, in and out, of models whose price is not known.
ALTER TABLE usage ADD COLUMN unpriced_tokens INTEGER NOT NULL DEFAULT 0;
