/** A room on a server, and participants in it that do what people do. */

import assert from 'node:assert/strict';
import { restOk } from './rest.mjs';

export const newest = '2.32.2';

/** Opens a room (a session by REST). `properties` are those of `POST /sessions`. */
export async function openRoom(world, properties = {}) {
  const { id } = await restOk(world.server, 'POST', '/openvidu/api/sessions', properties);
  return new Room(world, id);
}

export class Room {
  constructor(world, id) {
    this.world = world;
    this.id = id;
    this.path = `/openvidu/api/sessions/${id}`;
  }

  /** A token by REST, through a relay if there is one; `properties` are those of `POST …/connection`. */
  async token(properties = {}, relay = undefined) {
    // Tokens carry the address that the caller used, so this one leads through the relay.
    const server = relay ? { url: `http://localhost:${relay.port}` } : this.world.server;
    return (await restOk(server, 'POST', `${this.path}/connection`, properties)).token;
  }

  /** The session as REST shows it. */
  show() {
    return restOk(this.world.server, 'GET', this.path);
  }

  /**
   * Somebody new. Options: `version` of openvidu-browser, `browser`, `role`, `data` and `kurentoOptions` of the connection,
   * `auto` (subscribe to everything, the default), `relay` to pass through, `token`, `rtc` (an
   * RTCConfiguration that the application gives the client, from 2.31 on), `before` (a function that
   * runs in the page before anything else, or one with its argument).
   */
  async join(name, options = {}) {
    const participant = await this.open(name, options);
    await participant.enter();
    return participant;
  }

  /** Opens the page but does not join yet. */
  async open(name, options = {}) {
    const { version = newest, browser, role, data, kurentoOptions, relay } = options;
    const token = options.token ?? (await this.token({ role, data, kurentoOptions }, relay));
    // Clients before 2.23 force TLS whatever the token says; the server speaks both on one port.
    const page = await this.world.browsers.page(browser);
    const participant = new Participant(name, page, token, options);
    this.world.participants.add(participant);
    page.on('pageerror', (error) => participant.troubles.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') participant.troubles.push(message.text());
    });
    if (options.before) {
      const before = [options.before].flat();
      await (page.addInitScript ?? page.evaluateOnNewDocument).call(page, ...before);
    }
    await page.goto(this.world.site.client(version));
    return participant;
  }
}

export class Participant {
  /** What the page printed as errors; shown when a test fails. */
  troubles = [];

  constructor(name, page, token, { auto = true, rtc }) {
    this.name = name;
    this.page = page;
    this.token = token;
    this.auto = auto;
    this.rtc = rtc;
  }

  async enter() {
    const { token, auto, rtc, name } = this;
    const joined = await this.do('join', {
      token,
      auto,
      rtc,
      data: JSON.stringify({ clientData: name }),
    });
    this.id = joined.connectionId;
    this.role = joined.role;
    return joined;
  }

  /** Calls the agent in the page. */
  do(action, ...args) {
    return this.page.evaluate(([name, list]) => window.agent[name](...list), [action, args]);
  }

  async publish(options = {}) {
    this.streamId = await this.do('publish', options);
    return this.streamId;
  }

  /** Waits for the next event of that name; `match` are members it must have. */
  event(name, match = {}) {
    return this.do('event', name, match);
  }

  count(name, match = {}) {
    return this.do('count', name, match);
  }

  /** Moving, non-black video and non-silent audio of somebody else. */
  sees(other, what = {}) {
    return this.do('playing', other.id ?? other, what);
  }

  /** Waits until `condition`, a function of `{ now, before, mean }` without anything around it, holds on what is received. */
  receives(other, condition) {
    return this.do('received', other.id, String(condition));
  }

  async refuses(action, args, pattern) {
    await assert.rejects(this.do(action, ...args), pattern);
  }

  close() {
    return this.page.close();
  }
}
