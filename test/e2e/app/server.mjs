// The application of the end-to-end tests. BEHAVIOUR says how this version does:
//   good             answers in a few ms
//   faulty           every tenth answer is an error of its own, marked as injected
//   crash            exits at its start
//   never-healthy    its health check fails for ever
//   crash-in-slot-N  exits at its start in slot N only
import { createServer } from 'node:http';

const { PORT, RELEASE_VERSION = 'unknown', BEHAVIOUR = 'good', INSTANCE = '' } = process.env;
const slot = INSTANCE.split('-').at(-1);

if (BEHAVIOUR === 'crash' || BEHAVIOUR === `crash-in-slot-${slot}`) {
  console.error('Cannot find table "sessions"');
  process.exit(7);
}
if (BEHAVIOUR === 'needs-file') await import('node:fs/promises').then((fs) => fs.readFile('config/app.json'));

let answers = 0;
const server = createServer((request, response) => {
  response.setHeader('x-version', RELEASE_VERSION);
  if (request.url === '/healthz') {
    response.statusCode = BEHAVIOUR === 'never-healthy' ? 503 : 200;
    response.end(BEHAVIOUR);
    return;
  }
  answers++;
  setTimeout(() => {
    if (BEHAVIOUR === 'faulty' && answers % 10 === 0) {
      response.setHeader('x-injected-fault', '1');
      response.statusCode = 500;
    }
    response.end('ok');
  }, 5);
});
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
