// An application that works with a real database on every request: it runs the statements of sql.json, which name their
// columns as an ORM does, and answers 500 where one fails. DRIVER is the module of the driver; DATABASE what it opens.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { PORT, RELEASE_VERSION = 'unknown', DRIVER = '', DATABASE = '' } = process.env;
const statements = JSON.parse(readFileSync('sql.json', 'utf8'));
const run = await open();

const server = createServer(async (request, response) => {
  response.setHeader('x-version', RELEASE_VERSION);
  if (request.url === '/healthz') return response.end();
  try {
    for (const sql of statements) await run(sql);
    response.end('ok');
  } catch (error) {
    console.error(String(error));
    response.statusCode = 500;
    response.end(String(error));
  }
});
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));

async function open() {
  const { default: driver } = await import(DRIVER);
  if (/^(postgres|postgresql):/.test(DATABASE)) {
    const pool = new driver.Pool({ connectionString: DATABASE, max: 5 });
    return (sql) => pool.query(sql);
  }
  if (/^(mysql|mariadb):/.test(DATABASE)) {
    const pool = driver.createPool({ uri: DATABASE.replace(/^mariadb/, 'mysql'), connectionLimit: 5 });
    return (sql) => pool.query(sql);
  }
  const database = new driver(DATABASE);
  database.exec('PRAGMA busy_timeout = 5000');
  return async (sql) => database.prepare(sql).all();
}
