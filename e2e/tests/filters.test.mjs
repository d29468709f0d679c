/** Filters of the server, as the unmodified client asks for them: seen and heard by a subscriber in a browser. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { ean13 } from '../harness/barcode.mjs';
import { colours, individual } from '../harness/recordings.mjs';
import { restOk } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'madang-filters-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const [cdr, images, recordings] = ['cdr', 'images', 'recordings'].map((name) =>
  join(scratch, name),
);
for (const folder of [cdr, images]) mkdirSync(folder);
const { scenario } = suite({
  OPENVIDU_CDR: 'true',
  OPENVIDU_CDR_PATH: cdr,
  OPENVIDU_RECORDING: 'true',
  OPENVIDU_RECORDING_PATH: recordings,
  MADANG_FILTER_IMAGES: images,
});

const kurentoOptions = {
  allowedFilters: ['GStreamerFilter', 'ZBarFilter', 'ImageOverlayFilter', 'ChromaFilter'],
};
// What Chromium's fake camera shows, and what its luma leaves without colour.
const green = '([r, g, b]) => g > 100 && r < 60 && b < 60';
const grey = '([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) <= 3';
const filterOf = async (room) => {
  const { content } = (await room.show()).connections;
  return content.flatMap((connection) => connection.publishers)[0].mediaOptions.filter;
};

scenario(
  'a picture turns grey, and green again, and grey from its first frame',
  async ({ call }, context) => {
    const room = await call();
    const ann = await room.join('ann', { kurentoOptions });
    const bob = await room.join('bob');
    await ann.publish();
    await bob.sees(ann);
    await bob.do('turns', ann.id, green);
    await ann.refuses('applyFilter', ['FaceOverlayFilter', {}], /OPENVIDU_PERMISSION_DENIED/);
    await bob.refuses('applyFilter', ['GStreamerFilter', {}, ann.id], /OPENVIDU_PERMISSION_DENIED/);

    const options = { command: 'videobalance saturation=0.0' };
    await ann.do('applyFilter', 'GStreamerFilter', options);
    const applied = await bob.event('streamPropertyChanged', { property: 'filter' });
    context.diagnostic(
      `grey ${Math.round(await bob.do('turns', ann.id, grey))} ms after the event`,
    );
    assert.equal(applied.reason, 'applyFilter');
    assert.deepEqual(
      [applied.newValue.type, applied.newValue.options],
      ['GStreamerFilter', options],
    );
    assert.deepEqual(await filterOf(room), {
      type: 'GStreamerFilter',
      options,
      lastExecMethod: {},
    });
    // The same publication goes on: pictures move, and sound is heard.
    await bob.sees(ann);

    const params = { propertyName: 'saturation', propertyValue: '1.0' };
    await ann.do('execFilter', 'setElementProperty', params);
    await bob.event('streamPropertyChanged', { reason: 'execFilterMethod' });
    context.diagnostic(
      `green ${Math.round(await bob.do('turns', ann.id, green))} ms after the event`,
    );
    await ann.refuses(
      'execFilter',
      ['setElementProperty', { propertyName: 'x', propertyValue: '1' }],
      /no property/,
    );

    // Whoever joins now sees it from the beginning, and may take it off as a moderator.
    await ann.do('execFilter', 'setElementProperty', { ...params, propertyValue: '0.0' });
    const eve = await room.join('eve', { role: 'MODERATOR' });
    await eve.sees(ann);
    await eve.do('turns', ann.id, grey);
    assert.equal(await eve.do('hasFilter', ann.id), 'GStreamerFilter');
    await eve.do('removeFilter', ann.id);
    await bob.event('streamPropertyChanged', { reason: 'removeFilter' });
    for (const viewer of [bob, eve]) {
      await viewer.do('turns', ann.id, green);
      await viewer.sees(ann);
    }
    assert.deepEqual(await filterOf(room), {});
  },
);

scenario(
  'a stream is published with a filter, and its publisher sees it filtered',
  async ({ call }) => {
    const room = await call();
    const ann = await room.join('ann', { kurentoOptions });
    const bob = await room.join('bob');
    const filter = { type: 'GStreamerFilter', options: { command: 'videobalance saturation=0.0' } };
    await ann.publish({ filter, subscribeToRemote: true });
    await bob.sees(ann);
    await bob.do('turns', ann.id, grey);
    await ann.do('turns', 'self', grey);
    await ann.do('removeFilter');
    await bob.do('turns', ann.id, green);
    const eve = await room.join('eve');
    await eve.refuses('publish', [{ filter }], /406|permissions/);
  },
);

scenario('a new peer connection of the publisher keeps the filter', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann', { kurentoOptions });
  const bob = await room.join('bob');
  const filter = { type: 'GStreamerFilter', options: { command: 'videobalance saturation=0.0' } };
  await ann.publish({ filter });
  await bob.sees(ann);
  await ann.do('reconnectStream');
  await bob.sees(ann);
  await bob.do('turns', ann.id, grey);
  await ann.do('removeFilter');
  await bob.do('turns', ann.id, green);
});

scenario('a recording has what the filter makes', async ({ server, call }) => {
  const room = await call();
  const ann = await room.join('ann', { kurentoOptions });
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('applyFilter', 'GStreamerFilter', { command: 'videobalance saturation=0.0' });
  await bob.do('turns', ann.id, grey);
  const { id } = await restOk(server, 'POST', '/openvidu/api/recordings/start', {
    session: room.id,
    outputMode: 'INDIVIDUAL',
  });
  await ann.do('sentFrames', 30);
  await ann.do('removeFilter');
  await bob.do('turns', ann.id, green);
  await ann.do('sentFrames', 30);
  const stopped = await restOk(server, 'POST', `/openvidu/api/recordings/stop/${id}`);
  const { files } = individual(recordings, stopped, scratch);
  // It is one stream, of which a part was filtered.
  assert.equal(files.length, 1);
  const pictures = colours(files[0].path);
  const isGrey = ([r, g, b]) => Math.max(r, g, b) - Math.min(r, g, b) <= 6;
  const end = pictures.findIndex((colour) => !isGrey(colour));
  assert.ok(end >= 15, `colour comes with picture ${end} of ${pictures.length}`);
  const rest = pictures.slice(end);
  assert.ok(rest.length >= 15 && rest.every(([r, g, b]) => g > 100 && r < 70 && b < 70), `${rest}`);
});

scenario('what the tutorial of filters has on its buttons is put on and off', async ({ call }) => {
  writeFileSync(join(images, 'hat.png'), png([255, 0, 0]));
  const room = await call();
  const allowedFilters = ['GStreamerFilter', 'FaceOverlayFilter', 'ChromaFilter'];
  const ann = await room.join('ann', { kurentoOptions: { allowedFilters } });
  const bob = await room.join('bob');
  // The publisher looks at what comes back from the server.
  await ann.publish({ subscribeToRemote: true });
  await bob.sees(ann);
  const change = (reason) => bob.event('streamPropertyChanged', { property: 'filter', reason });
  const moves = () => Promise.all([bob.sees(ann), ann.do('playing', 'self', {})]);
  for (const command of [
    'videobalance saturation=0.0',
    'videoflip method=vertical-flip',
    'videobox fill=black top=-30 bottom=-30 left=-30 right=-30',
    'coloreffects preset=heat',
    'chromahold target-r=0 target-g=0 target-b=255 tolerance=90',
    'textoverlay text="Embedded text!" valignment=top halignment=right font-desc="Cantarell 25" draw-shadow=false',
    'timeoverlay valignment=bottom halignment=right font-desc="Sans, 20"',
    'audioecho delay=40000000 intensity=0.7 feedback=0.4',
    'audioamplify amplification=1.7',
    'pitch pitch=1.2',
  ]) {
    const applied = await ann.do('applyFilter', 'GStreamerFilter', { command });
    assert.deepEqual(applied, { type: 'GStreamerFilter', options: { command } });
    await change('applyFilter');
    await moves();
    await ann.do('removeFilter');
    await change('removeFilter');
  }
  await ann.do('applyFilter', 'FaceOverlayFilter', {});
  await change('applyFilter');
  await ann.do('execFilter', 'setOverlayedImage', {
    uri: 'hat.png',
    offsetXPercent: '-0.2F',
    offsetYPercent: '-0.8F',
    widthPercent: '1.5F',
    heightPercent: '1.0F',
  });
  const { newValue } = await change('execFilterMethod');
  assert.equal(newValue.lastExecMethod.method, 'setOverlayedImage');
  await moves();
  await ann.do('removeFilter');
  await change('removeFilter');
  await bob.do('turns', ann.id, green);
  await moves();
});

scenario('a voice is raised', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann', { kurentoOptions });
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('replaceTrack', 'audio');
  assert.ok(Math.abs((await bob.do('hears', ann.id, 440)) - 440) < 12);
  await ann.do('applyFilter', 'GStreamerFilter', { command: 'pitch pitch=1.2' });
  const heard = await bob.do('hears', ann.id, 528);
  assert.ok(Math.abs(heard - 528) < 12, `${heard} Hz`);
  await bob.do('turns', ann.id, green);
  await bob.sees(ann);
});

scenario('a bar code is found, and told to who listens', async ({ call, server }) => {
  const room = await call();
  const ann = await room.join('ann', { kurentoOptions });
  const chair = await room.join('chair', { role: 'MODERATOR' });
  await ann.publish();
  await chair.sees(ann);
  await ann.do('showBars', ean13('4006381333931'));
  await ann.do('applyFilter', 'ZBarFilter', {});
  await chair.event('streamPropertyChanged', { reason: 'applyFilter' });
  await ann.refuses('listenToFilter', ['NoEvent'], /407|no event/);
  await ann.do('listenToFilter', 'CodeFound');
  await chair.do('listenToFilter', 'CodeFound', ann.id);
  for (const listener of [ann, ann, chair]) {
    const { data } = await listener.event('filterEvent');
    assert.match(data, /codeType=EAN-13/);
    assert.match(data, /value=4006381333931/);
  }
  const { id } = await restOk(server, 'GET', room.path);
  const told = () =>
    readdirSync(cdr)
      .flatMap((file) => readFileSync(join(cdr, file), 'utf8').split('\n'))
      .filter((line) => line.includes('"filterEventDispatched"') && line.includes(id));
  assert.ok(told().length >= 2 && told()[0].includes('value=4006381333931'), told()[0]);
  await ann.do('ignoreFilter', 'CodeFound');
  await chair.do('ignoreFilter', 'CodeFound', ann.id);
  await chair.do('removeFilter', ann.id);
  await chair.sees(ann);
});

/** A PNG of 8 by 8 pixels of one colour. */
function png(rgb) {
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    check.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, check]);
  };
  const header = Buffer.from([0, 0, 0, 8, 0, 0, 0, 8, 8, 2, 0, 0, 0]);
  const lines = Buffer.concat(Array(8).fill(Buffer.from([0, ...Array(8).fill(rgb).flat()])));
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  const chunks = [
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(lines)),
    chunk('IEND', Buffer.alloc(0)),
  ];
  return Buffer.concat([signature, ...chunks]);
}

scenario('pictures of the deployment are drawn, and no others', async ({ call }) => {
  writeFileSync(join(images, 'red.png'), png([255, 0, 0]));
  writeFileSync(join(images, 'blue.png'), png([0, 0, 255]));
  const room = await call();
  const ann = await room.join('ann', { kurentoOptions });
  const bob = await room.join('bob');
  await ann.publish();
  await bob.sees(ann);
  await ann.do('applyFilter', 'ImageOverlayFilter', {});
  const place = {
    id: 'a',
    uri: 'red.png',
    offsetXPercent: '0.0F',
    offsetYPercent: 0,
    widthPercent: 1,
    heightPercent: '1.0F',
  };
  await ann.do('execFilter', 'addImage', place);
  await bob.do('turns', ann.id, '([r, g, b]) => r > 200 && g < 40 && b < 40');
  await ann.refuses('execFilter', ['addImage', { ...place, uri: '/etc/passwd' }], /no picture/);
  await ann.do('execFilter', 'removeImage', { id: 'a' });
  await bob.do('turns', ann.id, green);
  await ann.do('removeFilter');

  // The wall behind the fake camera's figures is green.
  const window = { topRightCornerX: 5, topRightCornerY: 200, width: 20, height: 20 };
  await ann.do('applyFilter', 'ChromaFilter', { window, backgroundImage: 'blue.png' });
  await bob.do('turns', ann.id, '([r, g, b]) => b > 120 && g < 80');
  await ann.do('execFilter', 'unsetBackground', {});
  await bob.do('turns', ann.id, '([r, g, b]) => b < 80 && g < 80');
});
