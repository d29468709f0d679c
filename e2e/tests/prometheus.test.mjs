/** What operators are shown and told: a real Prometheus looks at a real server during a call, with our rules and Grafana's queries. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startPrometheus } from '../harness/prometheus.mjs';
import { rest } from '../harness/rest.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({
  OPENVIDU_ENTERPRISE_MEDIA_SERVER: 'kurento',
  OPENVIDU_PRO_NETWORK_QUALITY: 'true',
  OPENVIDU_WEBRTC_SIMULCAST: 'true',
});

const docs = new URL('../../docs/', import.meta.url);
const read = (file) => readFileSync(new URL(file, docs), 'utf8');

/** As Grafana fills in its variables. */
const expressions = JSON.parse(read('grafana/madang.json')).panels.flatMap(
  ({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      query: expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '10s'),
    })),
);

scenario(
  'the rules say what they are meant to, and lead to where the guide says what to do',
  () => {
    const tests = fileURLToPath(new URL('prometheus/alerts.test.yml', docs));
    execFileSync('promtool', ['test', 'rules', tests], { stdio: 'pipe' });
    const anchors = [...read('monitoring.md').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replaceAll(/[^a-z -]/g, '')
        .replaceAll(' ', '-'),
    );
    const runbooks = [
      ...read('prometheus/alerts.yml').matchAll(/runbook: docs\/monitoring\.md#(.*)/g),
    ];
    assert.ok(runbooks.length > 20);
    for (const [, anchor] of runbooks) assert.ok(anchors.includes(anchor), anchor);
  },
);

scenario(
  'a call is seen in every panel, and an attack and a stopped server are told',
  async ({ call, server }) => {
    const prometheus = await startPrometheus(server);
    try {
      const { groups } = await prometheus.get('rules');
      const rules = groups.flatMap(({ rules }) => rules);
      assert.ok(rules.length > 20);
      assert.deepEqual(
        rules.filter(({ lastError }) => lastError),
        [],
      );
      await prometheus.until(
        'the target is up',
        async () => (await prometheus.query('up == 1')).length,
      );

      const room = await call();
      const ann = await room.join('ann');
      const bob = await room.join('bob');
      await ann.publish();
      await bob.sees(ann);

      // Histograms, and rates of them, are there once clients have reported, which they do every few seconds.
      const missing = async () => {
        const found = await Promise.all(expressions.map(({ query }) => prometheus.query(query)));
        const isEmpty = (result) => !result.some(({ value }) => Number.isFinite(value));
        return expressions.filter((_, index) => isEmpty(found[index]));
      };
      let left;
      await prometheus
        .until('every panel has data', async () => {
          left = await missing();
          return left.length === 0;
        })
        .catch((error) => {
          throw new Error(
            `${left.map(({ title, query }) => `${title}: ${query}`).join('\n')}\n${error}`,
          );
        });
      const one = async (query) => (await prometheus.query(query))[0]?.value;
      assert.equal(await one('sum(madang_participants)'), 2);
      assert.ok((await one('sum(increase(madang_media_bytes_total{direction="out"}[30s]))')) > 0);
      assert.equal(
        await one('sum(madang_media_negotiated_total)'),
        await one('sum(madang_media_connected_total)'),
      );

      const firing = async (name) =>
        (await prometheus.query(`ALERTS{alertname="${name}",alertstate="firing"}`)).length;
      // Those of the machine are this machine's affair.
      const aboutCalls = groups
        .find(({ name }) => name === 'madang-calls')
        .rules.map(({ name }) => name);
      const told = await prometheus.query(
        `ALERTS{alertname=~"${aboutCalls.join('|')}",alertstate="firing"}`,
      );
      assert.deepEqual(told, [], 'a call is no reason for an alert');
      const guess = {
        Authorization: `Basic ${Buffer.from('OPENVIDUAPP:guess').toString('base64')}`,
      };
      await Promise.all(
        Array.from({ length: 60 }, () =>
          rest(server, 'GET', '/openvidu/api/sessions', undefined, guess),
        ),
      );
      await prometheus.until('wrong secrets are told', () => firing('MadangWrongSecrets'));
      await Promise.all([ann.close(), bob.close()]);
      await server.stop();
      await prometheus.until('it is told that the server is down', () => firing('MadangDown'));
    } finally {
      await prometheus.stop();
    }
  },
);
