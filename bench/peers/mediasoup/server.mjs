/**
 * The least that makes a server of mediasoup: one worker, one UDP port, a router for each room, and
 * JSON over a WebSocket for one participant each (`crates/loadtest/src/mediasoup.rs` is the other side).
 *
 *     node server.mjs <address> <port of the WebSockets> <UDP port of media>
 *
 *     participant                     server
 *     {join, room}               →
 *                                ←    {joined, streams}     whose streams are there already
 *     {publish, sdp: offer}      →
 *                                ←    {published, sdp: answer}
 *                                ←    {receive, sdp: offer}  of everything there is, whenever there is more
 *     {receive, sdp: answer}     →
 *                                ←    {candidate, candidate} after the first answer
 *
 * As mediasoup's own client library does it, a participant has one transport to send on and one to
 * receive on, and consumers are paused until the participant knows of them.
 */

import { createWorker } from 'mediasoup';
import { WebSocketServer } from 'ws';
import { candidate, dtlsRole, fingerprint, isCarried, readOffer, write } from './sdp.mjs';

const [address = '127.0.0.1', port = '8190', udpPort = '8191'] = process.argv.slice(2);
/** Of one receiver: more than any room of a test has. */
const BITRATE = 100_000_000;
const mediaCodecs = [
  {
    kind: 'audio',
    mimeType: 'audio/opus',
    clockRate: 48000,
    channels: 2,
    preferredPayloadType: 111,
  },
  { kind: 'video', mimeType: 'video/VP8', clockRate: 90000, preferredPayloadType: 96 },
];

const worker = await createWorker({ logLevel: 'error' });
worker.on('died', () => {
  console.error('the worker died');
  process.exit(1);
});
const webRtcServer = await worker.createWebRtcServer({
  listenInfos: [{ protocol: 'udp', ip: address, port: Number(udpPort) }],
});
const rooms = new Map();
let lastParticipant = 0;

async function openRoom(name) {
  const router = await worker.createRouter({ mediaCodecs });
  const capabilities = structuredClone(router.rtpCapabilities);
  capabilities.headerExtensions = capabilities.headerExtensions.filter(isCarried);
  return { name, router, capabilities, participants: new Set() };
}

function room(name) {
  if (!rooms.has(name)) rooms.set(name, openRoom(name));
  return rooms.get(name);
}

class Participant {
  constructor(tell) {
    this.tell = tell;
    lastParticipant += 1;
    this.stream = `p${lastParticipant}`;
    this.producers = [];
    /** In the order of the sections of what is offered. */
    this.consumers = [];
    this.awaitsAnswer = false;
    this.offersAgain = false;
  }

  async on({ type, ...message }) {
    if (type === 'join') await this.join(message.room);
    else if (type === 'publish') await this.publish(message.sdp);
    else if (type === 'receive') await this.answered(message.sdp);
    else throw new Error('a message is join, publish or receive');
  }

  async join(name) {
    this.room = await room(name);
    this.room.participants.add(this);
    const others = [...this.room.participants].filter((other) => other.producers.length > 0);
    this.tell({ type: 'joined', streams: others.map((other) => other.stream) });
    await this.offer();
  }

  transport() {
    return this.room.router.createWebRtcTransport({
      webRtcServer,
      enableUdp: true,
      enableTcp: false,
      initialAvailableOutgoingBitrate: BITRATE,
    });
  }

  async publish(sdp) {
    this.sending = await this.transport();
    const dtlsParameters = { role: 'client', fingerprints: [fingerprint(sdp)] };
    await this.sending.connect({ dtlsParameters });
    const sections = [];
    const producers = [];
    for (const { kind, rtpParameters } of readOffer(sdp)) {
      producers.push(await this.sending.produce({ kind, rtpParameters }));
      sections.push({ kind, direction: 'recvonly', rtpParameters });
    }
    const candidates = this.sending.iceCandidates.map(candidate);
    this.tell({ type: 'published', sdp: write(this.sending, sections, 'passive', candidates) });
    this.producers = producers;
    for (const other of this.room.participants) other.offerSoon();
  }

  /** What is there and not offered yet; not before the last offer is answered. */
  async offer() {
    if (this.awaitsAnswer || !this.room) {
      this.offersAgain = true;
      return;
    }
    this.offersAgain = false;
    const known = new Set(this.consumers.map(({ consumer }) => consumer.producerId));
    const fresh = [...this.room.participants]
      .filter((other) => other !== this)
      .flatMap((other) => other.producers.map((producer) => ({ producer, stream: other.stream })))
      .filter(({ producer }) => !producer.closed && !known.has(producer.id));
    if (fresh.length === 0) return;
    this.awaitsAnswer = true;
    this.receiving ??= await this.transport();
    for (const { producer, stream } of fresh) {
      const consumer = await this.receiving.consume({
        producerId: producer.id,
        rtpCapabilities: this.room.capabilities,
        mid: String(this.consumers.length),
        paused: true,
      });
      this.consumers.push({ consumer, stream });
    }
    const sections = this.consumers.map(({ consumer, stream }) => ({
      kind: consumer.kind,
      direction: consumer.closed ? 'inactive' : 'sendonly',
      rtpParameters: consumer.rtpParameters,
      stream,
    }));
    this.tell({ type: 'receive', sdp: write(this.receiving, sections, 'actpass') });
  }

  async answered(sdp) {
    if (!this.isConnected) {
      this.isConnected = true;
      const dtlsParameters = { role: dtlsRole(sdp), fingerprints: [fingerprint(sdp)] };
      await this.receiving.connect({ dtlsParameters });
      // Only now may the handshake begin.
      for (const one of this.receiving.iceCandidates) {
        this.tell({ type: 'candidate', candidate: candidate(one) });
      }
    }
    const paused = this.consumers.filter(({ consumer }) => consumer.paused && !consumer.closed);
    await Promise.all(paused.map(({ consumer }) => consumer.resume()));
    this.awaitsAnswer = false;
    if (this.offersAgain) await this.offer();
  }

  leave() {
    this.room?.participants.delete(this);
    this.sending?.close();
    this.receiving?.close();
    if (this.room?.participants.size === 0) {
      rooms.delete(this.room.name);
      this.room.router.close();
    }
  }
}

const sockets = new WebSocketServer({
  host: address,
  port: Number(port),
  perMessageDeflate: false,
});
sockets.on('connection', (socket) => {
  const participant = new Participant((message) => socket.send(JSON.stringify(message)));
  // One after the other: what is asked for later builds on what was asked for before.
  let last = Promise.resolve();
  const inTurn = (step) => {
    last = last
      .then(step)
      .catch((error) => participant.tell({ type: 'refused', why: String(error.message) }));
  };
  participant.offerSoon = () => inTurn(() => participant.offer());
  socket.on('message', (data) => inTurn(() => participant.on(JSON.parse(data))));
  socket.on('close', () => inTurn(() => participant.leave()));
});
process.on('SIGTERM', () => {
  worker.close();
  process.exit(0);
});
