/** What recordings leave on the disk, looked at with ffprobe. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './folder.mjs';
import { rest } from './rest.mjs';

/** Unpacks an archive of stored files into a folder of its own below `into`; answers the folder. */
export function unpack(archive, into) {
  const folder = mkdtempSync(join(into, 'unpacked-'));
  const zip = readFileSync(archive);
  // End of the central directory (APPNOTE 4.3.16), without a comment.
  const end = zip.length - 22;
  assert.equal(zip.readUInt32LE(end), 0x06054b50, 'it is a ZIP');
  let at = zip.readUInt32LE(end + 16);
  for (let n = zip.readUInt16LE(end + 10); n > 0; n -= 1) {
    assert.equal(zip.readUInt16LE(at + 10), 0, 'it is stored, not compressed');
    const [size, name, extra, comment] = [20, 28, 30, 32].map((field, i) =>
      i === 0 ? zip.readUInt32LE(at + field) : zip.readUInt16LE(at + field),
    );
    const local = zip.readUInt32LE(at + 42);
    const data = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const file = zip.toString('utf8', at + 46, at + 46 + name);
    writeFileSync(join(folder, file), zip.subarray(data, data + size));
    at += 46 + name + extra + comment;
  }
  return folder;
}

/** What ffprobe says: `duration` in ms, codecs by kind, and the pictures' size. */
export function probe(path) {
  const text = execFileSync(
    'ffprobe',
    [
      '-v',
      'error',
      '-show_entries',
      'format=duration:stream=codec_type,codec_name',
      '-of',
      'json',
      path,
    ],
    { encoding: 'utf8' },
  );
  const { format, streams } = JSON.parse(text);
  const codecs = Object.fromEntries(streams.map((s) => [s.codec_type, s.codec_name]));
  return { duration: Math.round(Number(format.duration) * 1000), ...codecs };
}

/**
 * Decodes all of it; anything that ffmpeg complains of fails the test. Answers how many pictures and packets of sound
 * there were.
 */
export function decode(path) {
  const entries = [
    '-count_frames',
    '-show_entries',
    'stream=codec_type,nb_read_frames',
    '-of',
    'json',
  ];
  const { stdout, stderr } = spawnSync('ffprobe', ['-v', 'error', ...entries, path], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '', path);
  const counts = JSON.parse(stdout).streams.map((s) => [s.codec_type, Number(s.nb_read_frames)]);
  return { video: 0, audio: 0, ...Object.fromEntries(counts) };
}

/** The mean red, green and blue of each picture. */
export function colours(path) {
  const form = ['-vf', 'scale=1:1:flags=area', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const film = execFileSync('ffmpeg', ['-v', 'error', '-nostdin', '-i', path, ...form], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 30,
  });
  return Array.from({ length: film.length / 3 }, (_, n) => [...film.subarray(3 * n, 3 * n + 3)]);
}

/** Plays a file to its end in a browser; answers its duration in ms and how many pictures were shown. */
export async function play({ browsers, site }, browser, path) {
  const page = await browsers.page(browser);
  try {
    await page.goto(site.player(path));
    return await page.evaluate(async () => {
      const video = document.querySelector('video');
      await new Promise((done, fail) => {
        video.onended = done;
        video.onerror = () => fail(new Error(video.error.message));
        video.playbackRate = 4;
        video.play().catch(fail);
      });
      const { totalVideoFrames } = video.getVideoPlaybackQuality();
      return { duration: Math.round(video.duration * 1000), pictures: totalVideoFrames };
    });
  } finally {
    await page.close();
  }
}

/** The two files of a finished individual recording, unpacked and compared with one another. */
export function individual(folder, recording, scratch) {
  const path = join(folder, recording.id);
  const name = recording.name ?? recording.properties.name;
  assert.deepEqual(readdirSync(path).sort(), [`.recording.${recording.id}`, `${name}.zip`]);
  const files = unpack(join(path, `${name}.zip`), scratch);
  const sync = JSON.parse(readFileSync(join(files, `${name}.json`), 'utf8'));
  const names = sync.files.map((file) => file.name);
  assert.deepEqual(readdirSync(files).sort(), [...names, `${name}.json`].sort());
  assert.equal(
    recording.size,
    sync.files.reduce((sum, file) => sum + file.size, 0),
  );
  const end = Math.max(...sync.files.map((file) => file.endTimeOffset));
  const start = Math.min(...sync.files.map((file) => file.startTimeOffset));
  if (sync.files.length > 0) assert.equal(recording.duration, (end - start) / 1000);
  const probed = sync.files.map((file) => {
    const media = probe(join(files, file.name));
    const length = file.endTimeOffset - file.startTimeOffset;
    assert.ok(
      Math.abs(media.duration - length) <= 50,
      `${file.name}: ${media.duration} of ${length} ms`,
    );
    assert.equal('video' in media, file.hasVideo);
    assert.equal('audio' in media, file.hasAudio);
    return { ...file, ...media, path: join(files, file.name) };
  });
  return { sync, files: probed };
}

/** What applications were told of a recording, by the CDR files: `started`, `stopped recordingStoppedByServer`… */
const toldSoFar = (cdr, id) =>
  readdirSync(cdr)
    .sort()
    // Behind the last line break there may be half a line.
    .flatMap((file) => readFileSync(join(cdr, file), 'utf8').split('\n').slice(0, -1))
    .map((line) => JSON.parse(line).recordingStatusChanged)
    .filter((event) => event?.id === id)
    .map(({ status, reason }) => (reason ? `${status} ${reason}` : status));

/** Applications were told this and nothing else, or are being told. */
export async function wasTold(cdr, id, expected) {
  await until(cdr, () => toldSoFar(cdr, id).length >= expected.length);
  assert.deepEqual(toldSoFar(cdr, id), expected);
}

/** Codecs, size and rate of a file's tracks, as ffprobe says them. */
export const streams = (file) =>
  execFileSync(
    'ffprobe',
    [
      ...['-v', 'error', '-of', 'csv=p=0'],
      ...['-show_entries', 'stream=codec_name,width,height,r_frame_rate', file],
    ],
    { encoding: 'utf8' },
  )
    .trim()
    .split('\n')
    .map((line) => line.replace(/,+$/, ''))
    .sort();

/** Ids of the programs that a server has started, of those with this word in their command. */
export const programs = (server, word) =>
  readdirSync('/proc')
    .filter((id) => /^\d+$/.test(id))
    .filter((id) => {
      try {
        const status = readFileSync(`/proc/${id}/status`, 'utf8');
        const program = readFileSync(`/proc/${id}/cmdline`, 'utf8');
        return status.includes(`PPid:\t${server.child.pid}\n`) && program.includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);

/** Waits until REST shows a recording in this state. */
export async function settled(server, id, status) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const { body } = await rest(server, 'GET', `/openvidu/api/recordings/${id}`);
    if (body?.status === status) return body;
  }
  throw new Error(`${id} never became ${status}:\n${server.tail()}`);
}
