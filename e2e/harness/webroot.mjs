/** Serves a folder at localhost, which browsers treat as a secure context; `routes` answer before its files do. */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** A route gets the parsed body, and gives what is answered: HTML if it is a text, or else JSON. */
export async function startWebroot(folder, routes = {}) {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const answer = (status, type, body) => {
      response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(body);
    };
    try {
      const route = routes[pathname];
      if (route) {
        const chunks = await request.toArray();
        const text = Buffer.concat(chunks).toString();
        const made = await route(text ? JSON.parse(text) : undefined);
        if (typeof made === 'string') answer(200, 'text/html', made);
        else answer(200, 'application/json', JSON.stringify(made ?? {}));
        return;
      }
      const path = normalize(pathname.endsWith('/') ? `${pathname}index.html` : pathname);
      const body = await readFile(join(folder, path));
      answer(200, types[extname(path)] ?? 'application/octet-stream', body);
    } catch (error) {
      answer(error.code === 'ENOENT' ? 404 : 500, 'text/plain', String(error));
    }
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://localhost:${server.address().port}`,
    stop: () => server.close(),
  };
}
