/*
 * The side of clients of WHIP and WHEP inside a page: drives the unmodified libraries as an application would, and measures what comes.
 * It knows nothing of the test runner.
 */

import { WHEPClient } from '/modules/whip-whep/whep.js';
import { WHIPClient } from '/modules/whip-whep/whip.js';

const video = document.querySelector('video');
const canvas = document.createElement('canvas');
const seen = new Set();
let client;
let pc;

async function open() {
  pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  return pc;
}

async function filmTo(pc) {
  const camera = await navigator.mediaDevices.getUserMedia({
    audio: true,
    video: { width: 320, height: 240 },
  });
  for (const track of camera.getTracks()) pc.addTransceiver(track, { direction: 'sendonly' });
}

async function publish(url, token) {
  await filmTo(await open());
  client = new WHIPClient();
  await client.publish(pc, url, token);
  return String(client.resourceURL);
}

async function play(url, token) {
  await open();
  const stream = new MediaStream();
  for (const kind of ['audio', 'video']) {
    const { receiver } = pc.addTransceiver(kind, { direction: 'recvonly' });
    stream.addTrack(receiver.track);
  }
  video.srcObject = stream;
  client = new WHEPClient();
  await client.view(pc, url, token);
  await video.play();
  return String(client.resourceURL);
}

async function received() {
  if (video.videoWidth > 0) {
    canvas.width = canvas.height = 16;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, 16, 16);
    seen.add(context.getImageData(0, 0, 16, 16).data.join());
  }
  let energy = 0;
  let frames = 0;
  for (const report of (await pc.getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    energy += report.totalAudioEnergy ?? 0;
    frames += report.framesDecoded ?? 0;
  }
  return { pictures: seen.size, energy, frames };
}

/** Runs lines of an application's page. */
const run = (lines) => new (async () => {}).constructor('WHIPClient', lines)(WHIPClient);

window.device = {
  run,
  publish,
  play,
  received,
  /** Forgets the pictures that there were. */
  forget: () => seen.clear(),
  restart: () => client.restart(),
  etag: () => client.etag,
  stop: () => client.stop(),
  state: () => pc.connectionState,
  iceServers: () => pc.getConfiguration().iceServers,
};
