/**
 * The DNS of a machine in a network of its own, to be started inside: it knows the names it is given (`name=address` each) and
 * says of all others at once that there are none.
 */

import { createSocket } from 'node:dgram';

const header = 12;
const kinds = { ipv4: 1, ipv6: 28 };
const known = new Map(process.argv.slice(2).map((pair) => pair.split('=')));

/** An address as it stands in a record. */
function bytes(address, family) {
  if (family === 'ipv4') return Buffer.from(address.split('.').map(Number));
  const [head, tail = []] = address.split('::').map((part) => part.split(':').filter(Boolean));
  const zeros = Array(8 - head.length - tail.length).fill('0');
  const words = [...head, ...zeros, ...tail].map((word) => Number.parseInt(word, 16));
  return Buffer.concat(words.map((word) => Buffer.from([word >> 8, word & 0xff])));
}

/** The answer to a question (RFC 1035 §4). */
function answer(question) {
  const labels = [];
  let at = header;
  while (question[at] > 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
    at += 1 + question[at];
  }
  const end = at + 5;
  const address = known.get(labels.join('.').toLowerCase());
  const family = address?.includes(':') ? 'ipv6' : 'ipv4';
  const records = [];
  if (address && question.readUInt16BE(at + 1) === kinds[family]) {
    const contents = bytes(address, family);
    // The name of the question, its kind, class IN, good for a minute.
    const head = [0xc0, header, 0, kinds[family], 0, 1, 0, 0, 0, 60, 0, contents.length];
    records.push(Buffer.from(head), contents);
  }
  const flags = address ? 0x8580 : 0x8583;
  const counts = [1, records.length ? 1 : 0, 0, 0];
  const words = [question.readUInt16BE(0), flags, ...counts];
  const head = words.map((word) => Buffer.from([word >> 8, word & 0xff]));
  return Buffer.concat([...head, question.subarray(header, end), ...records]);
}

const socket = createSocket('udp4', (question, { port, address }) => {
  socket.send(answer(question), port, address);
});
socket.bind(53, '127.0.0.1', () => process.send('ready'));
process.on('disconnect', () => process.exit());
