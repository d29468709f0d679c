/**
 * Speech to text for real: somebody speaks into a browser's microphone, a recogniser behind Vosk's protocol hears it, and the
 * words arrive at unmodified clients.
 */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Recogniser, say } from '../harness/recogniser.mjs';
import { rest, restOk } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const results = join(here, '../results');
mkdirSync(results, { recursive: true });

const lang = 'en-US';
const sentence = /hello everybody welcome/;
let recogniser = await Recogniser.start();
const { scenario } = suite(
  {
    OPENVIDU_PRO_SPEECH_TO_TEXT: 'vosk',
    MADANG_VOSK_SERVERS: `[${lang}=${recogniser.address}, xx-XX=ws://127.0.0.1:9]`,
  },
  { microphone: say('Hello everybody. Welcome.') },
);

const unavailable = /201: io\.grpc\.StatusRuntimeException: UNAVAILABLE: io exception\. Code: 201/;

/** Speaks. */
const sound = { videoSource: false };

/** What clients rely on. */
function assertInOrder(messages) {
  for (const [at, { reason, text, raw }] of messages.entries()) {
    assert.match(reason, /^recogni[sz](ed|ing)$/);
    assert.ok(text.trim() && raw.trim(), 'never blank');
    if (reason === 'recognized') assert.equal(messages[at - 1]?.reason, 'recognizing');
  }
}

scenario('what is said arrives as text at everybody who listens', async ({ call }) => {
  const room = await call();
  const ann = await room.join('ann');
  const bob = await room.join('bob', { role: 'SUBSCRIBER' });
  await ann.publish(sound);
  await bob.event('streamCreated', { connectionId: ann.id });
  const before = recogniser.begun;
  await Promise.all([
    ann.do('subscribeToSpeech', undefined, lang),
    bob.do('subscribeToSpeech', ann.id, lang),
  ]);
  for (const listener of [ann, bob]) {
    for (let heard = ''; !sentence.test(heard); ) {
      const message = await listener.event('speechToTextMessage', { reason: 'recognized' });
      assert.deepEqual([message.connectionId, message.lang], [ann.id, lang]);
      assert.equal(JSON.parse(message.raw).text, message.text, "the recogniser's own words");
      heard = message.text;
    }
    assertInOrder(await listener.do('heard', 'speechToTextMessage'));
  }
  assert.equal(recogniser.begun, before + 1, 'one stream, however many listen');

  await ann.do('unsubscribeFromSpeech', undefined);
  await bob.event('speechToTextMessage', { reason: 'recognized' });
  await bob.do('unsubscribeFromSpeech', ann.id);
  await recogniser.until(() => recogniser.ended === recogniser.begun);
});

scenario('who speaks again is listened to as before', async ({ call }) => {
  const room = await call();
  const [ann, bob] = [await room.join('ann'), await room.join('bob', { role: 'SUBSCRIBER' })];
  await ann.publish(sound);
  await bob.event('streamCreated', { connectionId: ann.id });
  await bob.do('subscribeToSpeech', ann.id, lang);
  await bob.event('speechToTextMessage', { reason: 'recognized' });
  await ann.do('unpublish');
  await bob.event('streamDestroyed', { connectionId: ann.id });
  await ann.publish(sound);
  await bob.event('streamCreated', { connectionId: ann.id });
  const again = new RegExp(`201: Already subscribed .* Connection ${ann.id} in language ${lang}`);
  await bob.refuses('subscribeToSpeech', [ann.id, 'xx-XX'], again);
  const heard = (await bob.do('heard', 'speechToTextMessage')).length;
  for (let of = []; of.length < heard + 6; of = await bob.do('heard', 'speechToTextMessage')) {
    await bob.event('speechToTextMessage');
  }
  assertInOrder(await bob.do('heard', 'speechToTextMessage'));
  await ann.do('leave');
  await recogniser.until(() => recogniser.ended === recogniser.begun);
});

scenario('what cannot be listened to is told as the original tells it', async ({ call }) => {
  const room = await call();
  const [ann, bob] = [await room.join('ann'), await room.join('bob')];
  await ann.publish(sound);
  await bob.event('streamCreated', { connectionId: ann.id });
  const none = new RegExp(`201: Session ${room.id} has no speech to text subscriptions`);
  await bob.refuses('unsubscribeFromSpeech', [ann.id], none);
  await bob.refuses('subscribeToSpeech', [ann.id, 'yy-YY'], /does not support language "yy-YY"/);
  await bob.refuses('subscribeToSpeech', [ann.id, 'xx-XX'], unavailable);
  await ann.do('subscribeToSpeech', undefined, lang);
  const other = /201: There is no active Speech To Text subscriptions for Connection/;
  await bob.refuses('unsubscribeFromSpeech', [ann.id], other);
  for (let round = 0; round < 3; round += 1) {
    await ann.do('unsubscribeFromSpeech', undefined);
    await ann.do('subscribeToSpeech', undefined, lang);
  }
  await ann.event('speechToTextMessage', { reason: 'recognized' });
});

scenario('a recogniser that dies is told, and listened to again once it is back', async (world) => {
  const room = await world.call();
  const ann = await room.join('ann');
  await ann.publish(sound);
  await ann.do('subscribeToSpeech', undefined, lang);
  await ann.event('speechToTextMessage');
  await recogniser.stop();
  const { message } = await ann.event('exception', { exception: 'SPEECH_TO_TEXT_DISCONNECTED' });
  assert.equal(message, 'Network closed for unknown reason');
  await ann.refuses('subscribeToSpeech', [undefined, lang], unavailable);
  recogniser = await Recogniser.start(recogniser.port);
  await ann.do('subscribeToSpeech', undefined, lang);
  await ann.event('speechToTextMessage', { reason: 'recognized' });
});

scenario('the page for calls shows what the others say', async ({ browsers, server }) => {
  const visit = async (name) => {
    const page = await browsers.page('chromium', { locale: 'en-GB' });
    await page.goto(`${server.url}/?room=captions`);
    await page.getByLabel('Your name').fill(name);
    await page.getByRole('button', { name: 'Join' }).click();
    await page.locator('.call').waitFor();
    return page;
  };
  const [ann, bob] = [await visit('Ann'), await visit('Bob')];
  await bob.locator('.tile', { hasText: 'Ann' }).waitFor();
  await bob.getByRole('button', { name: 'Show captions' }).click();
  await bob.locator('.spoken p', { hasText: /Ann.*(everybody|welcome)/ }).waitFor();
  assert.equal(await ann.locator('.spoken p').count(), 0, 'nobody else reads them');
  await bob.screenshot({ path: join(results, 'captions.png') });
  await bob.getByRole('button', { name: 'Hide captions' }).click();
  await bob.locator('.spoken').waitFor({ state: 'hidden' });
  await recogniser.until(() => recogniser.ended === recogniser.begun);
  await Promise.all([ann.close(), bob.close()]);
});

scenario('a language is loaded and unloaded by REST', async ({ call, server }) => {
  const { content } = await restOk(server, 'GET', '/openvidu/api/media-nodes');
  const change = async (what, language) => {
    const body = { lang: language, mediaNode: { id: content[0].id } };
    return (await rest(server, 'POST', `/openvidu/api/speech-to-text/${what}`, body)).status;
  };
  assert.equal(await change('unload', lang), 409);
  assert.equal(await change('load', 'yy-YY'), 404);
  assert.equal(await change('unload', 'yy-YY'), 404);
  assert.equal(await change('load', 'xx-XX'), 503, 'nobody is there');
  assert.equal(await change('load', lang), 200);
  assert.equal(await change('load', lang), 409);
  const room = await call();
  const ann = await room.join('ann');
  await ann.publish(sound);
  await ann.do('subscribeToSpeech', undefined, lang);
  assert.equal(await change('unload', lang), 405);
  await ann.do('unsubscribeFromSpeech', undefined);
  assert.equal(await change('unload', lang), 409, 'it went with the last who listened');
});
