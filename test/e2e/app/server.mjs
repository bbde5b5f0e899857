// The application of the end-to-end tests. BEHAVIOUR, or what the file CONTROL says of its version now, tells how it
// does:
//   good                     answers in a few ms
//   faulty                   every tenth answer is an error of its own, marked as injected
//   crash                    exits at its start
//   never-healthy            its health check fails for as long as it is so
// `-in-slot-N` after one of the last two means that slot only.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const { PORT, RELEASE_VERSION = 'unknown', INSTANCE = '', CONTROL = '' } = process.env;
const slot = INSTANCE.split('-').at(-1);

function does(what) {
  const behaviour = controlled() ?? process.env.BEHAVIOUR ?? 'good';
  return behaviour === what || behaviour === `${what}-in-slot-${slot}`;
}

/** What is asked of this version at present, whatever it was deployed with. */
function controlled() {
  try {
    return JSON.parse(readFileSync(CONTROL, 'utf8'))[RELEASE_VERSION];
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (does('crash')) {
  console.error('Cannot find table "sessions"');
  process.exit(7);
}
if (does('needs-file')) await import('node:fs/promises').then((fs) => fs.readFile('config/app.json'));

const content = readFileSync('version.txt', 'utf8');
let answers = 0;
const server = createServer((request, response) => {
  response.setHeader('x-version', RELEASE_VERSION);
  response.setHeader('x-content', content);
  if (request.url === '/healthz') {
    response.statusCode = does('never-healthy') ? 503 : 200;
    response.end();
    return;
  }
  answers++;
  setTimeout(() => {
    if (does('faulty') && answers % 10 === 0) {
      response.setHeader('x-injected-fault', '1');
      response.statusCode = 500;
    }
    response.end('ok');
  }, 5);
});
server.listen(Number(PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
