/** A tiny web site: the page that loads one version of the unmodified bundle, and the agent. */

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

/** Serves on localhost, which browsers treat as a secure context. */
export async function startSite() {
  const shared = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const answer = (type, body) => {
      response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'no-store' });
      response.end(body);
    };
    const bundle = /^\/openvidu-browser-(\d+\.\d+\.\d+)\.js$/.exec(pathname);
    if (pathname === '/client') answer('text/html', page(searchParams.get('version')));
    else if (pathname === '/agent.js')
      answer('text/javascript', readFileSync(join(here, 'agent.js')));
    else if (pathname === '/devices') answer('text/html', devices);
    else if (pathname === '/devices.js')
      answer('text/javascript', readFileSync(join(here, 'devices.js')));
    else if (pathname.startsWith('/modules/'))
      answer('text/javascript', readFileSync(join(here, '../node_modules', pathname.slice(9))));
    else if (pathname === '/player') answer('text/html', player(searchParams.get('file')));
    else if (pathname.startsWith('/plain/'))
      answer('image/svg+xml', plain(pathname.slice('/plain/'.length)));
    else if (pathname.startsWith('/shared/'))
      answer('video/webm', readFileSync(shared[Number(pathname.slice('/shared/'.length))]));
    else if (bundle) answer('text/javascript', readFileSync(bundlePath(bundle[1])));
    else response.writeHead(404).end();
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  return {
    client: (version) => `http://localhost:${port}/client?version=${version}`,
    /** A page with clients of WHIP and WHEP. */
    devices: () => `http://localhost:${port}/devices`,
    /** A page that shows a file of this machine. */
    player: (path) => `http://localhost:${port}/player?file=/shared/${shared.push(path) - 1}`,
    /** An image of one colour. */
    plain: (colour) => `http://localhost:${port}/plain/${colour}`,
    stop: () => server.close(),
  };
}

const devices = `<!doctype html>
<meta charset="utf-8"><title>devices</title><link rel="icon" href="data:,">
<video playsinline></video>
<script type="module" src="/devices.js"></script>`;

const player = (file) => `<!doctype html>
<meta charset="utf-8"><title>player</title><link rel="icon" href="data:,">
<video muted src="${file}"></video>`;

const plain = (colour) => `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240">
<rect width="320" height="240" fill="${colour}"/></svg>`;

export const bundlePath = (version) =>
  join(here, `../node_modules/ovb-${version}/static/js/openvidu-browser-${version}.min.js`);

const page = (version) => `<!doctype html>
<meta charset="utf-8"><title>client ${version}</title><link rel="icon" href="data:,">
<script src="/openvidu-browser-${version}.js"></script>
<script src="/agent.js"></script>
<body></body>`;
