import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';

/**
 * A bundler plugin that writes `THIRD-PARTY-NOTICES.txt` beside the bundle: name, version and licence text of each
 * package that code was taken from. A package without a licence text fails the build, unless it says MIT and who wrote it.
 * @returns {import('tsdown').Rolldown.Plugin}
 */
export function thirdPartyNotices() {
  return {
    name: 'third-party-notices',
    async generateBundle(_options, bundle) {
      const folders = new Set();
      for (const output of Object.values(bundle)) {
        if (output.type !== 'chunk') continue;
        for (const [id, module] of Object.entries(output.modules)) {
          const folder = packageFolder(id);
          if (folder && module.renderedLength > 0) folders.add(folder);
        }
      }
      const notices = await Promise.all([...folders].sort().map(notice));
      const source = ['This program contains code of these packages.', ...notices].join(
        `\n\n${'-'.repeat(72)}\n\n`,
      );
      this.emitFile({ type: 'asset', fileName: 'THIRD-PARTY-NOTICES.txt', source: `${source}\n` });
    },
  };
}

/** @param {string} id A module's path. @returns {string | undefined} */
function packageFolder(id) {
  const path = id.replace(/^\0/, '').replace(/\?.*$/, '');
  const marker = `${sep}node_modules${sep}`;
  const at = path.lastIndexOf(marker);
  if (at === -1) return undefined;
  const parts = path.slice(at + marker.length).split(sep);
  const name = parts.slice(0, parts[0]?.startsWith('@') ? 2 : 1);
  return path.slice(0, at) + marker + name.join(sep);
}

/** @param {string} folder */
async function notice(folder) {
  const { name, version, license, author } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = (await readdir(folder)).find((entry) => /^((un)?licen[cs]e|copying)(\.|-|$)/i.test(entry));
  const holder = typeof author === 'string' ? author : author?.name;
  let text;
  if (file) text = await readFile(join(folder, file), 'utf8');
  else if (license === 'MIT' && holder) text = MIT.replace('HOLDER', holder);
  else throw new Error(`${name} ${version} is bundled, and has no licence text to be passed on.`);
  return `${name} ${version} (${license})\n\n${text.trim()}`;
}

/** For packages that name the licence without its text. */
const MIT = `Copyright (c) HOLDER

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
