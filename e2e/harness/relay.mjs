/** A TCP relay between browser and server that a test can cut and mend: the network cable. */

import { connect, createServer } from 'node:net';

export async function startRelay(targetPort) {
  const sockets = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise((done) => server.listen(0, done));
  return {
    port: server.address().port,
    /** Ends every connection and refuses new ones. */
    cut() {
      whole = false;
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      whole = true;
    },
    stop() {
      this.cut();
      server.close();
    },
  };
}
