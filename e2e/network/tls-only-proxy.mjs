/**
 * A firewall that lets only TLS through, to be started inside a namespace: it looks at every byte of a connection's framing,
 * both ways. What does not begin with a ClientHello, or later is no record (RFC 8446 §5.1), is cut.
 */

import { connect, createServer } from 'node:net';

const [port, address, targetPort] = process.argv.slice(2);
const longestRecord = 2 ** 14 + 2048;

/** Says of each piece of one direction whether it still is TLS. */
function records(opens) {
  let kept = Buffer.alloc(0);
  let skip = 0;
  let first = opens;
  return (piece) => {
    kept = Buffer.concat([kept, piece]);
    while (true) {
      const skipped = Math.min(skip, kept.length);
      kept = kept.subarray(skipped);
      skip -= skipped;
      const [type = 22, major = 3, minor = 3] = kept;
      if (type < 20 || type > 23 || major !== 3 || minor > 3) return false;
      if (kept.length < 6) return true;
      const length = kept.readUInt16BE(3);
      if (length === 0 || length > longestRecord) return false;
      if (first && !(type === 22 && kept[5] === 1)) return false;
      first = false;
      skip = 5 + length;
    }
  };
}

const proxy = createServer((near) => {
  const far = connect(Number(targetPort), address);
  for (const [from, to, opens] of [
    [near, far, true],
    [far, near, false],
  ]) {
    const isTls = records(opens);
    from.on('data', (piece) => {
      if (!isTls(piece)) {
        near.destroy();
        far.destroy();
      } else if (!to.write(piece)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => {});
    from.on('close', () => to.destroy());
  }
});
proxy.listen(Number(port), () => process.send('ready'));
process.on('disconnect', () => process.exit());
