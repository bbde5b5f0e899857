-- migrate:up
ALTER TABLE products RENAME COLUMN price_cents TO price;

-- migrate:down
ALTER TABLE products RENAME COLUMN price TO price_cents;
