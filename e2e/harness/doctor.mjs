/** `madang doctor`, as an operator runs it, and the page of the doctor, as somebody who cannot call does. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { binary, secret } from './server.mjs';

/** Its report as JSON; throws if its exit status says something else. Runs in `namespace` if there is one. */
export async function examine(args, { namespace, settings = {} } = {}) {
  const start = namespace ? namespace.spawn.bind(namespace) : spawn;
  // Nobody is asked for the time.
  const all = ['doctor', '--json', '--ntp', '127.0.0.1:9', ...args];
  const child = start(binary, all, {
    env: { ...process.env, OPENVIDU_SECRET: secret, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, error] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    error += text;
  });
  const [code] = await once(child, 'close');
  if (!output) throw new Error(`no report (status ${code}): ${error}`);
  const report = JSON.parse(output);
  if (code !== (report.healthy ? 0 : 1)) throw new Error(`status ${code}: ${output}`);
  return report;
}

/** What was found of one leg. */
export function found(report, leg) {
  const check = report.checks.find((one) => one.leg === leg);
  if (!check) throw new Error(`nothing of ${leg}: ${JSON.stringify(report, null, 2)}`);
  return check;
}

/** Presses the button and waits for the end. Verdicts by leg, and the text that is for those who help. */
export async function usePage(page) {
  await page.locator('#start').click();
  await page.locator('#report').waitFor();
  const rows = await page
    .locator('#legs li')
    .evaluateAll((all) => all.map((row) => [row.id.replace('leg-', ''), row.dataset.verdict]));
  return { verdicts: Object.fromEntries(rows), text: await page.locator('#text').inputValue() };
}
