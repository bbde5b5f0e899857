-- migrate:up
CREATE TABLE products (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  price_cents INTEGER NOT NULL
);
INSERT INTO products (id, name, price_cents) VALUES
  (1, 'Teapot', 2900), (2, 'Cup', 900), (3, 'Tray', 1900), (4, 'Kettle', 4900);

-- migrate:down
DROP TABLE products;
