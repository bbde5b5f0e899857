-- migrate:up
CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  product_id INTEGER NOT NULL REFERENCES products (id),
  quantity INTEGER NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX orders_by_product ON orders (product_id);

-- migrate:down
DROP TABLE orders;
