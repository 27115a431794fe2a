-- When a user was made, which tells them from an earlier one of the same id, and whose a conversation is by that. NULL is what
-- earlier releases wrote.
ALTER TABLE users ADD COLUMN created_at TEXT;
ALTER TABLE conversations ADD COLUMN owner_since TEXT;
