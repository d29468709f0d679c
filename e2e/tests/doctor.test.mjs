/** The doctor's page in a real browser, and the doctor in front of real proxies. */

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { examine, found, usePage } from '../harness/doctor.mjs';
import { fromGuide, startNginx } from '../harness/nginx.mjs';
import { freeTcpPort, startServer } from '../harness/server.mjs';
import { suite } from '../harness/suite.mjs';

const { scenario } = suite({}, { ownOrigin: true });

const results = join(import.meta.dirname, '../results');
mkdirSync(results, { recursive: true });

for (const [locale, title, well] of [
  ['en-GB', 'Can this browser call?', 'Everything works.'],
  ['ko-KR', '이 브라우저로 통화할 수 있나요?', '모두 정상입니다.'],
]) {
  scenario(`a browser that can call is told so (${locale})`, async ({ browsers, server }) => {
    const page = await browsers.page('chromium', { locale });
    const errors = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    await page.goto(`${server.url}/openvidu/doctor`);
    assert.equal(await page.locator('h1').textContent(), title);
    const { verdicts, text } = await usePage(page);
    await page.screenshot({ path: join(results, `doctor-${locale}.png`), fullPage: true });
    // A certificate that was signed here is not for TURN.
    const { 'turn-tls': tls, ...others } = verdicts;
    assert.equal(tls, 'skipped');
    const legs = [
      'server',
      'secure',
      'websocket',
      'clock',
      'udp',
      'turn-udp',
      'turn-tcp',
      'camera',
    ];
    assert.deepEqual(others, Object.fromEntries(legs.map((leg) => [leg, 'ok'])), text);
    assert.equal(await page.locator('#summary').textContent(), well);
    for (const part of [server.url, 'Chrome/', 'turn-tcp', ...legs]) assert.ok(text.includes(part));
    // Whoever reads it cannot use it.
    assert.doesNotMatch(text, /guest-/);
    await page.locator('#copy').click();
    await page.locator('#copied').filter({ hasText: /./ }).waitFor();
    assert.deepEqual(errors, []);
    await page.close();
  });
}

scenario('a camera that is not allowed is named', async ({ browsers, server }) => {
  const page = await browsers.page('chromium', { permissions: ['microphone'] });
  await page.addInitScript(() => {
    const devices = navigator.mediaDevices;
    const open = devices.getUserMedia.bind(devices);
    // The browser of the tests answers every question with yes.
    devices.getUserMedia = (wanted) =>
      wanted.video ? Promise.reject(new DOMException('no', 'NotAllowedError')) : open(wanted);
  });
  await page.goto(`${server.url}/openvidu/doctor`);
  const { verdicts, text } = await usePage(page);
  assert.equal(verdicts.camera, 'failed');
  assert.match(text, /camera: allow it for this site/);
  await page.close();
});

/** Behind nginx with a configuration; what is found from outside. */
async function behind(configuration, settings) {
  const port = await freeTcpPort();
  const madang = await startServer({ HTTPS_PORT: String(port), ...settings });
  const nginx = await startNginx(configuration, {
    port,
    serverPort: madang.port,
    applicationPort: madang.port,
  });
  try {
    return await examine(['--url', `https://localhost:${port}`, '--insecure']);
  } finally {
    nginx.stop();
    await madang.stop();
  }
}

const local = { DOMAIN_OR_PUBLIC_IP: 'localhost' };

scenario('nginx with the configuration of the guide passes everything on', async () => {
  const report = await behind(fromGuide(), local);
  for (const leg of ['address', 'port', 'web-socket', 'proxy', 'udp', 'turn-udp']) {
    assert.equal(found(report, leg).verdict, 'ok', JSON.stringify(report, null, 2));
  }
  // It has a certificate that nobody signed.
  assert.equal(found(report, 'certificate').verdict, 'failed');
});

scenario('nginx that does not pass the upgrade on is named', async () => {
  const without = fromGuide().replaceAll(/proxy_set_header (Upgrade|Connection) .*;/g, '');
  const socket = found(await behind(without, local), 'web-socket');
  assert.equal(socket.verdict, 'failed');
  assert.match(socket.advice, /proxy_set_header Upgrade \$http_upgrade/);
});

scenario('nginx that does not say for whom it asks, or where, is named', async () => {
  const silent = fromGuide().replaceAll(/proxy_set_header (X-Real-IP|X-Forwarded-For) .*;/g, '');
  const unknown = found(await behind(silent, local), 'proxy');
  assert.equal(unknown.verdict, 'warning');
  assert.match(unknown.advice, /X-Real-IP/);
  // Without DOMAIN_OR_PUBLIC_IP tokens lead to where the request seems to have gone.
  const astray = fromGuide().replaceAll(/proxy_set_header (Host|X-Forwarded-Proto) .*;/g, '');
  const lost = found(await behind(astray, {}), 'proxy');
  assert.equal(lost.verdict, 'failed');
  assert.match(lost.advice, /X-Forwarded-Proto/);
});
