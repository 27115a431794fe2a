-- Attributes of records that came from elsewhere and that T3nets does not know, as DynamoDB's JSON.
ALTER TABLE tenants ADD COLUMN other TEXT NOT NULL DEFAULT '{}';
ALTER TABLE users ADD COLUMN other TEXT NOT NULL DEFAULT '{}';
ALTER TABLE user_memory ADD COLUMN other TEXT NOT NULL DEFAULT '{}';
ALTER TABLE channels ADD COLUMN other TEXT NOT NULL DEFAULT '{}';
ALTER TABLE api_keys ADD COLUMN other TEXT NOT NULL DEFAULT '{}';
