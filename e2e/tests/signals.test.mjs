/** Signals: typed, directed, to all, and from REST. */

import assert from 'node:assert/strict';
import { rest } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite();

scenario('a signal to all reaches everybody, the sender too', async ({ call }) => {
  const room = await call();
  const [ann, bob, eve] = [await room.join('ann'), await room.join('bob'), await room.join('eve')];
  await ann.do('signal', { type: 'chat', data: 'hello, 마당' });
  for (const one of [ann, bob, eve]) {
    const signal = await one.event('signal', { type: 'signal:chat' });
    assert.deepEqual([signal.data, signal.from], ['hello, 마당', ann.id]);
  }
});

scenario('a directed signal reaches the addressee only', async ({ call }) => {
  const room = await call();
  const [ann, bob, eve] = [await room.join('ann'), await room.join('bob'), await room.join('eve')];
  await ann.do('signal', { type: 'whisper', data: 'for bob', to: [bob.id] });
  await bob.event('signal', { type: 'signal:whisper', data: 'for bob', from: ann.id });
  // What comes after the whisper, in order, shows that the whisper came not.
  await ann.do('signal', { type: 'end', data: '' });
  for (const other of [ann, eve]) {
    await other.event('signal', { type: 'signal:end' });
    assert.equal(await other.count('signal', { type: 'signal:whisper' }), 0);
  }
});

scenario('a signal without a type arrives as such', async ({ call }) => {
  const room = await call();
  const [ann, bob] = [await room.join('ann'), await room.join('bob')];
  await ann.do('signal', { data: 'plain' });
  await bob.event('signal', { type: 'signal:signal', data: 'plain' });
});

scenario('a signal to an unknown connection is refused and reaches nobody', async ({ call }) => {
  const room = await call();
  const [ann, bob] = [await room.join('ann'), await room.join('bob')];
  await ann.refuses('signal', [{ type: 'x', data: '', to: [bob.id, 'con_Nobody'] }], /601/);
  await ann.do('signal', { type: 'end', data: '' });
  await bob.event('signal', { type: 'signal:end' });
  assert.equal(await bob.count('signal', { type: 'signal:x' }), 0);
});

scenario('the application signals by REST, without a sender', async ({ call, server }) => {
  const room = await call();
  const [ann, bob] = [await room.join('ann'), await room.join('bob')];
  const send = (body) =>
    rest(server, 'POST', '/openvidu/api/signal', { session: room.id, ...body });
  // The type goes out as it was given: applications register their listeners by it.
  for (const one of [ann, bob]) await one.do('listenTo', ['news', 'signal:news', 'mine']);
  assert.equal((await send({ type: 'news', data: 'for all' })).status, 200);
  for (const one of [ann, bob]) {
    const signal = await one.event('heard on news');
    assert.deepEqual([signal.data, signal.from], ['for all', undefined]);
  }
  assert.equal((await send({ type: 'signal:news', data: 'again' })).status, 200);
  await ann.event('heard on signal:news', { data: 'again' });
  assert.equal((await send({ type: 'mine', data: '1', to: [bob.id] })).status, 200);
  await bob.event('heard on mine');
  assert.equal((await send({ type: 'lost', to: ['con_Nobody'] })).status, 406);
  assert.equal((await send({ session: 'no-such-session', type: 'x' })).status, 404);
  assert.equal(await ann.count('heard on mine'), 0);
  assert.equal(await ann.count('heard on signal:news'), 1);
});
