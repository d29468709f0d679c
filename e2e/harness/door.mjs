/** The inner side of `Namespaces.door`: takes connections on a listener of another namespace. */

import { connect } from 'node:net';

process.once('message', (_, listener) => {
  listener.on('connection', (near) => {
    const far = connect(Number(process.argv[2]), '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ]) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  process.send('listening');
});
process.on('disconnect', () => process.exit());
