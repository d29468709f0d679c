/** Links of the finished pages that lead nowhere: to no file, or to no heading in it. */

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

export function brokenLinks(root) {
  const files = readdirSync(root, { recursive: true })
    .filter((file) => file.endsWith('.html'))
    .map((file) => join(root, file));
  const pages = new Map(files.map((file) => [file, readFileSync(file, 'utf8')]));
  const anchors = new Map();
  const anchorsOf = (file) => {
    if (!anchors.has(file)) {
      const ids = pages.get(file).matchAll(/\sid=["']?([^"'\s>]+)/g);
      anchors.set(file, new Set(Array.from(ids, ([, id]) => id)));
    }
    return anchors.get(file);
  };
  const broken = [];
  for (const [file, text] of pages) {
    for (const [, target] of text.matchAll(/<[a-z]+\b[^<>]*?\s(?:href|src)="([^"]+)"/g)) {
      if (/^(https?:|mailto:|data:)/.test(target)) continue;
      const [path, anchor] = target.split('#');
      let there = path === '' ? file : join(dirname(file), decodeURIComponent(path));
      if (existsSync(there) && statSync(there).isDirectory()) there = join(there, 'index.html');
      const isThere = existsSync(there);
      const isAnchor = !anchor || !pages.has(there);
      if (!isThere || !(isAnchor || anchorsOf(there).has(decodeURIComponent(anchor)))) {
        broken.push(`${relative(root, file)}: ${target}`);
      }
    }
  }
  return broken;
}
