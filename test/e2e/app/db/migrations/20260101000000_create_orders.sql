-- migrate:up
CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT);

-- migrate:down
DROP TABLE orders;
