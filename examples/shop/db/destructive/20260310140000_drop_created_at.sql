-- migrate:up
ALTER TABLE orders DROP COLUMN created_at;

-- migrate:down
ALTER TABLE orders ADD COLUMN created_at TEXT NOT NULL DEFAULT '';
