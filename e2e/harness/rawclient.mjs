/** A client without a library: a WebSocket that says exactly what a test wants it to say. */

import { once } from 'node:events';
import WebSocket from 'ws';

export class RawClient {
  #socket;
  #id = 0;
  #waiting = new Map();
  #all = [];

  /** Opens the socket of a server, or the one at `url`; nothing is said yet. `options` are those of `ws`. */
  static async open(server, { url, ...options } = {}) {
    const client = new RawClient();
    const own = `ws://127.0.0.1:${server.port}/openvidu?sessionId=x`;
    client.#socket = new WebSocket(url ?? own, options);
    client.closed = new Promise((done) =>
      client.#socket.on('close', (code, reason) => done({ code, reason: String(reason) })),
    );
    client.#socket.on('error', () => {});
    client.#socket.on('message', (data) => client.#take(JSON.parse(String(data))));
    await once(client.#socket, 'open');
    return client;
  }

  /** Sends a request and waits for its answer, `{result}` or `{error}`. */
  request(method, params) {
    const id = this.#id++;
    this.say(JSON.stringify({ jsonrpc: '2.0', method, params, id }));
    return this.answer(id);
  }

  /** Waits for the answer to a request of that id. */
  answer(id) {
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`request ${id} was not answered`)), 15_000);
      this.#waiting.set(id, (message) => {
        clearTimeout(timer);
        done(message);
      });
    });
  }

  /** Sends text or bytes as they are. */
  say(data) {
    this.#socket.send(data);
  }

  join(room, token) {
    return this.request('joinRoom', {
      token,
      session: room.id,
      platform: 'raw',
      metadata: '',
      secret: '',
      recorder: false,
    });
  }

  /** Sound and a camera's picture; `announced` is what else it says of them. */
  publish(sdpOffer, announced = {}) {
    return this.request('publishVideo', {
      sdpOffer,
      doLoopback: false,
      hasAudio: true,
      hasVideo: true,
      audioActive: true,
      videoActive: true,
      typeOfVideo: 'CAMERA',
      frameRate: 30,
      videoDimensions: '{"width":640,"height":480}',
      ...announced,
    });
  }

  notifications(method) {
    return this.#all.filter((m) => m.method === method);
  }

  close() {
    this.#socket.terminate();
  }

  #take(message) {
    this.#all.push(message);
    if (message.id !== undefined) this.#waiting.get(message.id)?.(message);
  }
}
