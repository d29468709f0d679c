/**
 * Networks of our own: Linux network namespaces, joined by cables, with routers that translate and
 * filter by nftables. Everything is gone after `removeAll`.
 */

import { execFileSync, fork, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;

const run = (...command) => execFileSync(command[0], command.slice(1), { stdio: 'pipe' });

/** Why there can be no namespaces here; empty if there can. */
export function namespacesRefused() {
  const probe = `madang-probe-${process.pid}`;
  try {
    run('ip', 'netns', 'add', probe);
    run('ip', 'netns', 'exec', probe, 'nft', 'list', 'ruleset');
    return '';
  } catch (error) {
    return String(error.stderr ?? error).trim() || 'unknown';
  } finally {
    try {
      run('ip', 'netns', 'del', probe);
    } catch {
      // It was never made.
    }
  }
}

export class Namespaces {
  #all = [];
  #children = [];
  #folder = mkdtempSync(join(tmpdir(), 'madang-net-'));

  /** A machine with nothing but loopback. */
  add(name) {
    const namespace = new Namespace(`madang-${process.pid}-${this.#all.length}-${name}`);
    this.#all.push(namespace);
    return namespace;
  }

  /** A file that starts `program` inside `namespace` with the arguments it is given. */
  wrapper(namespace, program) {
    const path = join(this.#folder, `${namespace.name}-${basename(program)}.sh`);
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${namespace.name} ${program} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** A port of the tests' own machine that leads to `port`, or the one of the same number, on the loopback of `namespace`. */
  async door(namespace, port = undefined) {
    const listener = createServer();
    await new Promise((done) => listener.listen(0, '127.0.0.1', done));
    const { port: own } = listener.address();
    const child = this.#fork(namespace, join(here, 'door.mjs'), port ?? own);
    await new Promise((done, fail) => {
      child.once('message', done).once('error', fail).once('exit', fail);
      child.send('listen', listener);
    });
    listener.close();
    return own;
  }

  /** Runs a module inside until the end; the first message it sends. */
  async serve(namespace, module, ...args) {
    const child = this.#fork(namespace, module, ...args);
    return new Promise((done, fail) => {
      child.once('message', done).once('error', fail).once('exit', fail);
    });
  }

  /** Makes programs inside find these addresses for these names, and none for others. */
  async knows(namespace, names) {
    namespace.resolveBy('127.0.0.1');
    const pairs = Object.entries(names).map((pair) => pair.join('='));
    await this.serve(namespace, join(here, 'dns.mjs'), ...pairs);
  }

  #fork(namespace, module, ...args) {
    const child = fork(module, args.map(String), {
      execPath: 'ip',
      execArgv: ['netns', 'exec', namespace.name, process.execPath],
    });
    this.#children.push(child);
    return child;
  }

  removeAll() {
    for (const child of this.#children) child.kill();
    for (const namespace of this.#all) namespace.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

class Namespace {
  #cables = 0;

  constructor(name) {
    this.name = name;
    run('ip', 'netns', 'add', name);
    // Link-local addresses count at once: a second later, Chromium would take them for a change of the network and give up
    // what it is loading.
    for (const which of ['all', 'default']) {
      const file = `/proc/sys/net/ipv6/conf/${which}/accept_dad`;
      this.exec('sh', '-c', `[ ! -e ${file} ] || echo 0 > ${file}`);
    }
    this.ip('link', 'set', 'lo', 'up');
  }

  /** Runs a command inside. */
  exec(...command) {
    return run('ip', 'netns', 'exec', this.name, ...command);
  }

  ip(...args) {
    return run('ip', '-n', this.name, ...args);
  }

  /** Starts a program inside, as `child_process.spawn`. */
  spawn(program, args, options) {
    return spawn('ip', ['netns', 'exec', this.name, program, ...args], options);
  }

  /** A cable to another machine; both ends get these addresses (`10.0.0.1/24`, several by commas). */
  connect(other, own, others) {
    const [near, far] = [`c${this.#cables++}`, `c${other.#cables++}`];
    this.ip('link', 'add', near, 'type', 'veth', 'peer', far, 'netns', other.name);
    for (const [namespace, device, addresses] of [
      [this, near, own],
      [other, far, others],
    ]) {
      for (const address of addresses.split(',')) {
        // Without duplicate address detection an IPv6 address can be used at once.
        const flags = address.includes(':') ? ['nodad'] : [];
        namespace.ip('address', 'add', address, 'dev', device, ...flags);
      }
      namespace.ip('link', 'set', device, 'up');
    }
    return near;
  }

  /** Programs that are started inside ask this DNS. */
  resolveBy(address) {
    mkdirSync(this.#files, { recursive: true });
    writeFileSync(join(this.#files, 'resolv.conf'), `nameserver ${address}\n`);
  }

  /** What is in here stands for what is in `/etc`: see ip-netns(8). */
  get #files() {
    return join('/etc/netns', this.name);
  }

  remove() {
    run('ip', 'netns', 'del', this.name);
    rmSync(this.#files, { recursive: true, force: true });
  }

  route(to, via) {
    this.ip(...(via.includes(':') ? ['-6'] : []), 'route', 'add', to, 'via', via);
  }

  /** Makes it a router, with these nftables rules. */
  forward(rules = '') {
    for (const key of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
      this.exec('sh', '-c', `echo 1 > /proc/sys/net/${key}`);
    }
    this.rules(rules);
  }

  /** Adds nftables rules. */
  rules(input) {
    const stdio = ['pipe', 'pipe', 'pipe'];
    execFileSync('ip', ['netns', 'exec', this.name, 'nft', '-f', '-'], { input, stdio });
  }
}
