/** A Prometheus of a test's own, on a free port, with a configuration as the guide shows it. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freeTcpPort, secret } from './server.mjs';

const docs = new URL('../../docs/prometheus/', import.meta.url);
/** Between two looks: short, so that rates are there soon. */
const interval = '1s';

/** Alerts that the example asks for, looking at `server` only. Their `for` is left out: a test does not wait for minutes. */
export async function startPrometheus(server) {
  const home = mkdtempSync(join(tmpdir(), 'madang-prometheus-'));
  const port = await freeTcpPort();
  writeFileSync(join(home, 'secret'), secret, { mode: 0o600 });
  const rules = readFileSync(new URL('alerts.yml', docs), 'utf8');
  writeFileSync(join(home, 'alerts.yml'), rules.replaceAll(/^ +for: .*\n/gm, ''));
  const configuration = readFileSync(new URL('prometheus.yml', docs), 'utf8')
    .replaceAll(/interval: 15s/g, `interval: ${interval}`)
    .replace(/^alerting:\n(?: .*\n)+/m, '')
    .replace('/etc/prometheus/madang-secret', join(home, 'secret'))
    .replace('call.example.org', `localhost:${server.port}`)
    // The server's certificate is its own.
    .replace('scheme: https\n', 'scheme: https\n    tls_config: { insecure_skip_verify: true }\n');
  writeFileSync(join(home, 'prometheus.yml'), configuration);
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(home, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(home, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=info',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const prometheus = new Prometheus(child, url, home);
  await prometheus.ready();
  return prometheus;
}

class Prometheus {
  #output = '';
  #ready;

  constructor(child, url, home) {
    this.child = child;
    this.url = url;
    this.home = home;
    this.exited = new Promise((done) => child.once('close', done));
    this.#ready = new Promise((done, fail) => {
      child.stderr.setEncoding('utf8').on('data', (text) => {
        this.#output += text;
        if (this.#output.includes('Server is ready to receive web requests')) done();
      });
      child.once('error', fail);
      child.once('close', (code) =>
        fail(new Error(`Prometheus ended (${code}):\n${this.#output}`)),
      );
    });
  }

  ready() {
    return this.#ready;
  }

  /** `GET /api/v1/…`: its data. */
  async get(path, parameters = {}) {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(parameters)}`);
    const { status, data, error } = await response.json();
    if (status !== 'success') throw new Error(`${path} ${JSON.stringify(parameters)}: ${error}`);
    return data;
  }

  /** What an expression is now: labels and values of each series. */
  async query(expression) {
    const { result } = await this.get('query', { query: expression });
    return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  /** Asks until the answer is as wanted: Prometheus looks at a target now and then, and nothing tells that it has. */
  async until(what, holds, limit = 30_000) {
    const deadline = Date.now() + limit;
    for (;;) {
      const found = await holds();
      if (found) return found;
      if (Date.now() > deadline) throw new Error(`never: ${what}\n${this.#output.slice(-2000)}`);
      await new Promise((next) => setTimeout(next, 200));
    }
  }

  async stop() {
    this.child.kill('SIGTERM');
    await this.exited;
    rmSync(this.home, { recursive: true, force: true });
  }
}
