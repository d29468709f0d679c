/** What the dashboard's page is told, as its WebSocket tells it: the picture of a server that is up to date. */

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import WebSocket from 'ws';
import { secret } from './server.mjs';

/** The cookie that whoever opens the page with the secret gets. */
export async function login(server) {
  const authorization = `Basic ${Buffer.from(`OPENVIDUAPP:${secret}`).toString('base64')}`;
  const { headers } = await fetch(`${server.url}/dashboard/`, { headers: { authorization } });
  const cookie = headers.get('set-cookie');
  assert.match(cookie ?? '', /; HttpOnly; SameSite=Strict/);
  return cookie.split(';')[0];
}

export class Dashboard {
  sessions = new Map();
  server = undefined;
  /** The watched session, with everybody in it. */
  session = undefined;
  unknown = undefined;
  #news = new EventEmitter();

  static async open(server, language = 'en') {
    const dashboard = new Dashboard();
    const address = `${server.url.replace(/^http/, 'ws')}/dashboard/live?language=${language}`;
    dashboard.socket = new WebSocket(address, { headers: { cookie: await login(server) } });
    dashboard.socket.on('message', (text) => dashboard.#take(JSON.parse(String(text))));
    await once(dashboard.socket, 'open');
    return dashboard;
  }

  #take(message) {
    if (message.kind === 'server') this.server = message.server;
    if (message.kind === 'sessions') {
      for (const session of message.changed) this.sessions.set(session.id, session);
      for (const id of message.gone) this.sessions.delete(id);
    }
    if (message.kind === 'unknown') this.unknown = message;
    if (message.kind === 'session') this.session = message.session;
    if (message.kind === 'changes') this.session = afterwards(this.session, message.changes);
    this.#news.emit('news');
  }

  watch(id) {
    this.session = undefined;
    this.socket.send(JSON.stringify({ watch: id }));
  }

  /** Once something is so; what `look` gives then. */
  async until(what, look, seconds = 60) {
    const deadline = AbortSignal.timeout(seconds * 1000);
    for (;;) {
      const found = look(this);
      if (found) return found;
      await once(this.#news, 'news', { signal: deadline }).catch(() => {
        const people = this.session?.people.map(({ name, findings, entries }) => ({
          name,
          findings: findings.map(({ code, sentence }) => `${code}: ${sentence}`),
          entries: entries.map(({ code, text }) => `${code}: ${text}`),
        }));
        throw new Error(`not told within ${seconds} s: ${what}; ${JSON.stringify(people)}`);
      });
    }
  }

  person(connection) {
    return this.session?.people.find((person) => person.connection === connection);
  }

  /** What is found of somebody, once it is. */
  finding(participant, code, seconds = 60) {
    return this.until(
      `${code} of ${participant.name}`,
      () => this.person(participant.id)?.findings.find((finding) => finding.code === code),
      seconds,
    );
  }

  /** Once it is found no longer. */
  healed(participant, code) {
    return this.until(`an end of ${code} of ${participant.name}`, () => {
      const person = this.person(participant.id);
      return person && !person.findings.some((finding) => finding.code === code);
    });
  }

  incident(code) {
    return this.until(code, () => this.server?.incidents.find((one) => one.code === code));
  }

  close() {
    this.socket.close();
  }
}

/** The session as it is after changes: `web/dashboard/src/protocol.ts` says what they look like. */
function afterwards(before, { people = [], gone = [], entries, ...others }) {
  const all = new Map(before.people.map((person) => [person.connection, person]));
  for (const connection of gone) all.delete(connection);
  for (const { entries, publishes, receives, ...rest } of people) {
    const known = all.get(rest.connection) ?? {};
    all.set(rest.connection, {
      ...known,
      ...rest,
      entries: spliced(known.entries, entries),
      publishes: legs(known.publishes, publishes),
      receives: legs(known.receives, receives),
    });
  }
  return {
    ...before,
    ...others,
    entries: spliced(before.entries, entries),
    people: [...all.values()],
  };
}

function legs(before = [], changes = { length: before.length, changed: [] }) {
  const list = before.slice(0, changes.length);
  for (const { place, chart, ...rest } of changes.changed) {
    list[place] = { ...list[place], ...rest, chart: spliced(list[place]?.chart, chart) };
  }
  return list;
}

function spliced(list = [], splice = { keep: list.length, skip: 0, drop: 0, added: [] }) {
  const { keep, skip, drop, added } = splice;
  return [...list.slice(0, keep), ...list.slice(keep + skip, list.length - drop), ...added];
}
