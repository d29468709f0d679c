/**
 * CPU per relayed datagram, ours beside coturn's, in turns: coturn's own client sends at a steady
 * rate through 20 allocations and gets everything back. With coturn the datagrams come back from
 * turnutils_peer, by way of two more sockets of the relay, because a relay of its kind has them;
 * ours hands them over in memory, to the echo service behind it. The peer's own CPU is not counted.
 */

import { execFile, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../harness/server.mjs';

const rounds = Number(process.env.ROUNDS ?? 5);
const clients = 20;
/** At this rate datagrams come one by one, and wake the server each; at the other they come in batches. */
const oneByOne = { messages: 500, interval: 5 };
const inBatches = { messages: 1500, interval: 1 };

/** Nanoseconds that the process has run. */
function cpu(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const of = (task) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return tasks.map(of).reduce((sum, part) => sum + part, 0);
}

function uclient(port, secret, peerPort, length, way, { messages, interval }) {
  const words = ['-c', '-p', port, '-u', 'bench', '-W', secret, '-e', '127.0.0.1', '-r', peerPort];
  const load = ['-m', clients, '-n', messages, '-l', length, '-z', interval, ...way, '127.0.0.1'];
  return new Promise((done, fail) =>
    execFile('turnutils_uclient', [...words, ...load].map(String), (error, stdout, stderr) => {
      const got = /tot_send_msgs=(\d+), tot_recv_msgs=(\d+)\n(?!.*tot_send_msgs)/s.exec(
        stdout + stderr,
      );
      if (error || !got) fail(new Error(stdout + stderr));
      else done({ sent: Number(got[1]), received: Number(got[2]) });
    }),
  );
}

async function measure(pid, ...load) {
  const before = cpu(pid);
  const { sent, received } = await uclient(...load);
  return { cost: (cpu(pid) - before) / (sent + received) / 1000, lost: sent - received };
}

const server = await startServer();
const secret = readFileSync(join(server.home, 'data', 'turn.secret'), 'utf8');
const coturnPort = server.turnPort + 1;
const options = ['-p', coturnPort, '-L', '127.0.0.1', '-E', '127.0.0.1', '--use-auth-secret'];
const quiet = ['--no-cli', '--no-tls', '--no-dtls', '-m', '1', '-l', '/dev/null', '--simple-log'];
const loopback = ['--static-auth-secret', secret, '-r', 'openvidu', '--allow-loopback-peers', '-n'];
const words = [...options, ...loopback, ...quiet].map(String);
const coturn = spawn('turnserver', words, { stdio: 'ignore' });
const peerPort = coturnPort + 1;
const peer = spawn('turnutils_peer', ['-L', '127.0.0.1', '-p', String(peerPort)], {
  stdio: 'ignore',
});
await new Promise((done) => setTimeout(done, 1000));

try {
  for (const [what, length, way, load] of [
    ['channel data', 200, [], oneByOne],
    ['channel data', 1100, [], oneByOne],
    ['indications', 200, ['-s'], oneByOne],
    ['indications', 1100, ['-s'], oneByOne],
    ['channel data in batches', 1100, [], inBatches],
    ['indications in batches', 1100, ['-s'], inBatches],
  ]) {
    const costs = { ours: [], coturn: [] };
    let spoilt = 0;
    for (let round = 0; costs.ours.length < rounds; round++) {
      const runs = [
        ['ours', server.child.pid, server.turnPort, secret, 7],
        ['coturn', coturn.pid, coturnPort, secret, peerPort],
      ];
      const results = {};
      for (const [name, pid, ...where] of round % 2 ? runs.reverse() : runs) {
        results[name] = await measure(pid, ...where, length, way, load);
      }
      const lost = ({ lost }) => lost > 0.005 * clients * load.messages;
      if (Object.values(results).some(lost)) {
        // What was not relayed cost nothing.
        if (++spoilt > rounds) throw new Error(`too much is lost: ${JSON.stringify(results)}`);
        continue;
      }
      for (const name in costs) costs[name].push(results[name].cost);
    }
    const ratios = costs.ours.map((cost, round) => costs.coturn[round] / cost);
    const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
    const range = (list) =>
      `${median(list).toFixed(1)} (${Math.min(...list).toFixed(1)} to ${Math.max(...list).toFixed(1)})`;
    console.log(
      `${what}, ${length} B: ours ${range(costs.ours)} us, coturn ${range(costs.coturn)} us, ratio ${range(ratios)}`,
    );
  }
} finally {
  coturn.kill();
  peer.kill();
  await server.stop();
}
