/**
 * Recordings with subtitles: unmodified clients speak into their microphones, a recogniser behind Vosk's protocol hears them, and the
 * words stand beside the recording at the times at which they are heard in it.
 */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Recogniser, say } from '../harness/recogniser.mjs';
import { unpack } from '../harness/recordings.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { secret } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-subtitles-'));
const folder = join(scratch, 'recordings');
after(() => rmSync(scratch, { recursive: true, force: true }));

const lang = 'en-US';
const recogniser = await Recogniser.start();
const { scenario } = suite(
  {
    OPENVIDU_RECORDING: 'true',
    OPENVIDU_RECORDING_PATH: folder,
    OPENVIDU_PRO_SPEECH_TO_TEXT: 'vosk',
    MADANG_VOSK_SERVERS: `[${lang}=${recogniser.address}, xx-XX=ws://127.0.0.1:9]`,
  },
  { microphone: say('Hello everybody. Welcome.') },
);

const start = '/openvidu/api/recordings/start';
const stop = (server, id) => restOk(server, 'POST', `/openvidu/api/recordings/stop/${id}`);

/** Speaks. */
const sound = { videoSource: false };

/** Waits until sentences have been said from their beginnings on, whatever was being said before. */
async function speak(participant) {
  for (let heard = 0; heard < 3; heard += 1)
    await participant.event('speechToTextMessage', { reason: 'recognized' });
}

const seconds = (time) =>
  time
    .replace(',', '.')
    .split(':')
    .reduce((sum, part) => 60 * sum + Number(part), 0);

/** Cues of either kind: `{ from, until, text }`. */
const cues = (file) =>
  file
    .split('\n\n')
    .map((block) => block.match(/([\d:.,]+) --> ([\d:.,]+)\n([\s\S]+)/))
    .filter(Boolean)
    .map(([, from, until, text]) => ({ from: seconds(from), until: seconds(until), text }));

/** When somebody begins to speak after a pause, in seconds. */
function heardIn(film) {
  // A stream's own file has nothing where its publisher has sent nothing.
  const filled = 'aresample=async=1:first_pts=0,silencedetect=noise=-35dB:duration=0.8';
  const listen = ['-af', filled, '-f', 'null', '-'];
  const { stderr } = spawnSync('ffmpeg', ['-nostdin', '-i', film, ...listen], { encoding: 'utf8' });
  return [...stderr.matchAll(/silence_end: ([\d.]+)/g)].map(([, time]) => Number(time));
}

/** Every sentence that was heard from its beginning on stands in the subtitles when it is heard. */
function assertInTime(subtitles, film, text) {
  // Of the first second nobody knows what was before.
  const heard = heardIn(film).filter((time) => time > 1);
  const whole = subtitles.filter(
    (cue) => cue.from > 1 && cue.text.includes('hello everybody welcome'),
  );
  assert.ok(whole.length > 0, JSON.stringify(subtitles));
  for (const cue of whole) {
    assert.match(cue.text, text);
    assert.ok(cue.until - cue.from > 1 && cue.until - cue.from < 4, JSON.stringify(cue));
    const nearest = Math.min(...heard.map((time) => Math.abs(time - cue.from)));
    assert.ok(nearest < 0.5, `${JSON.stringify(cue)}: speech begins at ${heard}`);
  }
  // The last one may not have come to its end.
  assert.ok(whole.length >= heard.length - 1, `${whole.length} sentences of ${heard.length}`);
}

/** What ffmpeg makes of subtitles: as WebVTT. */
const read = (file) =>
  execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-f', 'webvtt', '-'], { encoding: 'utf8' });

scenario('what is said in a composed recording stands beside it', async ({ server, call }) => {
  const room = await call({ customSessionId: 'lecture' });
  const ann = await room.join('Ann');
  await ann.publish(sound);
  const before = recogniser.begun;
  const recording = { session: room.id, name: 'talk', subtitles: lang };
  const started = await restOk(server, 'POST', start, recording);
  assert.deepEqual([started.status, started.subtitles], ['started', lang]);
  await ann.do('subscribeToSpeech', undefined, lang);
  await speak(ann);
  assert.equal(recogniser.begun, before + 1, 'one stream for the recording and whoever listens');
  await ann.do('unsubscribeFromSpeech', undefined);
  const stopped = await stop(server, room.id);
  assert.deepEqual([stopped.status, stopped.subtitles, stopped.lost], ['ready', lang, undefined]);
  await recogniser.until(() => recogniser.ended === recogniser.begun);

  const files = ['.recording.lecture', 'lecture.jpg', 'talk.mp4', 'talk.srt', 'talk.vtt'];
  assert.deepEqual(readdirSync(join(folder, room.id)).sort(), files);
  const film = join(folder, room.id, 'talk.mp4');
  const served = await fetch(`${server.url}/openvidu/recordings/${room.id}/talk.vtt`, {
    headers: { Authorization: `Basic ${Buffer.from(`OPENVIDUAPP:${secret}`).toString('base64')}` },
  });
  assert.match(served.headers.get('content-type'), /^text\/vtt/);
  const vtt = await served.text();
  assert.equal(vtt, readFileSync(join(folder, room.id, 'talk.vtt'), 'utf8'));
  assert.ok(vtt.startsWith('WEBVTT\n\n'));
  assertInTime(cues(vtt), film, /^<v Ann>.*<\/v>$/);
  const srt = join(folder, room.id, 'talk.srt');
  assertInTime(cues(readFileSync(srt, 'utf8')), film, /^Ann: /);
  const again = cues(read(srt)).filter((cue) => cue.text.includes('hello everybody welcome'));
  assertInTime(again, film, /^Ann: /);

  await restOk(server, 'DELETE', `/openvidu/api/recordings/${room.id}`);
  assert.ok(!existsSync(join(folder, room.id)));
});

scenario('each stream of an individual recording has its own', async ({ server, call }) => {
  const room = await call({
    customSessionId: 'panel',
    defaultRecordingProperties: { outputMode: 'INDIVIDUAL', subtitles: lang },
  });
  const ann = await room.join('Ann');
  await ann.publish(sound);
  await restOk(server, 'POST', start, { session: room.id });
  await ann.do('subscribeToSpeech', undefined, lang);
  await speak(ann);
  // The rest of what is being said is recognised after this.
  await ann.do('leave');
  assert.equal((await stop(server, room.id)).status, 'ready');
  await recogniser.until(() => recogniser.ended === recogniser.begun);
  const files = unpack(join(folder, room.id, `${room.id}.zip`), scratch);
  const [film] = readdirSync(files).filter((file) => file.endsWith('.webm'));
  const stem = film.slice(0, -'.webm'.length);
  const all = [`${room.id}.json`, `${stem}.srt`, `${stem}.vtt`, film];
  assert.deepEqual(readdirSync(files).sort(), all.sort());
  const vtt = readFileSync(join(files, `${stem}.vtt`), 'utf8');
  assertInTime(cues(vtt), join(files, film), /^hello/);
  assertInTime(cues(read(join(files, `${stem}.srt`))), join(files, film), /^hello/);
});

scenario('a recording goes on whose words cannot be recognised', async ({ server, call }) => {
  const room = await call();
  const ann = await room.join('Ann');
  await ann.publish(sound);
  const ask = async (body) => {
    const { status, body: answer } = await rest(server, 'POST', start, {
      session: room.id,
      ...body,
    });
    return [status, /subtitles/.test(answer?.message)];
  };
  assert.deepEqual(await ask({ subtitles: 'yy-YY' }), [422, true]);
  assert.deepEqual(await ask({ subtitles: lang, hasAudio: false }), [422, true]);
  assert.deepEqual(await ask({ subtitles: 5 }), [400, true]);
  const session = { defaultRecordingProperties: { subtitles: 'yy-YY' } };
  assert.equal((await rest(server, 'POST', '/openvidu/api/sessions', session)).status, 422);
  // Nobody is at that address.
  assert.equal((await ask({ outputMode: 'INDIVIDUAL', subtitles: 'xx-XX' }))[0], 200);
  await ann.refuses('subscribeToSpeech', [undefined, 'xx-XX'], /UNAVAILABLE/);
  const stopped = await stop(server, room.id);
  assert.equal(stopped.status, 'ready');
  assert.equal(stopped.lost.unheard, 1);
});
