/**
 * For Vite: the licences of everything that is in a bundle, as `licences.txt` beside it. What is under a licence that is
 * not among these is not built in.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const allowed = ['Apache-2.0', 'MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Unlicense', '0BSD'];

/** Say it in their README alone. */
const told = { wildemitter: 'MIT' };

export const licences = {
  name: 'licences',
  generateBundle(_, bundle) {
    const folders = new Set();
    for (const { modules = {} } of Object.values(bundle)) {
      for (const id of Object.keys(modules)) {
        const folder = /^\0?(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1];
        if (folder) folders.add(folder);
      }
    }
    const sections = [...folders].sort().map((folder) => {
      const { name, version, license } = JSON.parse(
        readFileSync(join(folder, 'package.json'), 'utf8'),
      );
      const words = told[name] ?? (typeof license === 'object' ? license?.type : license);
      if (!allowed.includes(words)) throw new Error(`${name} ${version} is under ${words}`);
      const file = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
      const text =
        file && existsSync(join(folder, file)) && readFileSync(join(folder, file), 'utf8');
      return `${name} ${version}: ${words}\n\n${text || ''}`.trim();
    });
    const source = `${sections.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source });
  },
};
