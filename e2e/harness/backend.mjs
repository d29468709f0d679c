/** A server of an application, started by the commands that a guide shows. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { secret } from './server.mjs';

const repository = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs the commands, in the repository if no `folder` is given, until they have printed something like `ready`. `port`: where it is to
 * listen; `pages`: what it hands out.
 */
export async function startBackEnd(commands, ready, { server, port, pages, folder = repository }) {
  const child = spawn('bash', ['-euc', commands], {
    cwd: folder,
    // Of all that the commands start.
    detached: true,
    env: {
      ...process.env,
      OPENVIDU_URL: server.url,
      OPENVIDU_SECRET: secret,
      PORT: String(port),
      PAGES: pages ?? '',
      PYTHONUNBUFFERED: '1',
    },
  });
  const backEnd = new BackEnd(child, `http://localhost:${port}`);
  await backEnd.said(ready);
  return backEnd;
}

class BackEnd {
  #output = '';
  #ended = false;
  #look = () => {};

  constructor(child, url) {
    this.child = child;
    this.url = url;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
        this.#look();
      });
    }
    this.exited = new Promise((done) => {
      child.on('close', () => {
        this.#ended = true;
        this.#look();
        done();
      });
    });
  }

  /** Waits until it has printed something like this. Without a limit of its own: it may load what it needs before. */
  said(pattern) {
    return new Promise((done, fail) => {
      this.#look = () => {
        if (pattern.test(this.#output)) done();
        else if (this.#ended) fail(new Error(`it never said ${pattern}:\n${this.#output}`));
      };
      this.#look();
    });
  }

  async stop() {
    if (!this.#ended) process.kill(-this.child.pid, 'SIGTERM');
    await this.exited;
  }
}
