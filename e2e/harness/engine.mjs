/**
 * A participant without a browser: a WebRTC engine in a process of its own (../engines), which joins by JSON-RPC as
 * openvidu-browser does and carries descriptions between the engine and the server.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { RawClient } from './rawclient.mjs';

/** Media may take so long to come on a busy machine. */
const patience = 60_000;

export class Engine {
  #takers = [];
  #said = '';
  /** Shown when a test fails. */
  troubles = [];

  /** Starts an engine and joins a room with it. */
  static async join(room, name, command, options = {}) {
    const engine = new Engine(name, command, options);
    room.world.participants.add(engine);
    const token = await room.token();
    engine.client = await RawClient.open(room.world.server);
    const { result, error } = await engine.client.join(room, token);
    assert.equal(error, undefined, JSON.stringify(error));
    engine.id = result.id;
    engine.others = result.value;
    return engine;
  }

  constructor(name, [program, ...words], options) {
    this.name = name;
    this.process = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.process.on('error', (error) => this.#end(error.message));
    this.process.on('close', (code, signal) => this.#end(`it ended: ${signal ?? code}`));
    this.process.stderr.setEncoding('utf8').on('data', (text) => {
      this.#said = (this.#said + text).slice(-4000);
      this.troubles.push(text);
    });
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      const taker = this.#takers.shift();
      if (taker) taker.done(JSON.parse(line));
    });
  }

  #end(why) {
    for (const { fail } of this.#takers.splice(0))
      fail(new Error(`${this.name}: ${why}\n${this.#said}`));
  }

  /** Has the engine do something; its answer. */
  do(what, more = {}) {
    return new Promise((done, fail) => {
      this.#takers.push({ done, fail });
      this.process.stdin.write(`${JSON.stringify({ do: what, ...more })}\n`);
    });
  }

  async #request(method, params) {
    const { result, error } = await this.client.request(method, params);
    assert.equal(error, undefined, `${method}: ${JSON.stringify(error)}`);
    return result;
  }

  /** Sends sound and a picture; `announced` is what it says of them. The answer is the server's. */
  async publish(announced = {}) {
    const { sdp } = await this.do('offer');
    const { sdpAnswer, id } = await this.#request('publishVideo', {
      sdpOffer: sdp,
      doLoopback: false,
      hasAudio: true,
      hasVideo: true,
      audioActive: true,
      videoActive: true,
      typeOfVideo: 'CAMERA',
      frameRate: -1,
      videoDimensions: JSON.stringify({ width: 320, height: 240 }),
      ...announced,
    });
    this.streamId = id;
    await this.do('accept', { sdp: sdpAnswer });
    return sdpAnswer;
  }

  /** Receives a stream that was there before it. */
  async subscribe(publisher) {
    const other = this.others.find(({ id }) => id === publisher.id);
    const sender = other.streams[0].id;
    const { sdpOffer } = await this.#request('prepareReceiveVideoFrom', {
      sender,
      reconnect: false,
    });
    const { sdp } = await this.do('answer', { sdp: sdpOffer });
    await this.#request('receiveVideoFrom', { sender, sdpAnswer: sdp });
  }

  /** Waits until `holds` is true of what it has received. */
  async received(holds) {
    const deadline = Date.now() + patience;
    for (;;) {
      const what = await this.do('received');
      if (holds(what)) return what;
      if (Date.now() > deadline)
        throw new Error(`${this.name} received only ${JSON.stringify(what)}`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  /** Different pictures, decoded, and sound that is none of silence. */
  sees() {
    return this.received(({ pictures, energy }) => pictures >= 10 && energy > 0.1);
  }

  async close() {
    this.client?.close();
    const ended = new Promise((done) => this.process.once('close', done));
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await ended;
    }
  }
}
