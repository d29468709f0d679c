/** Prints what the attacks of the last run have measured, as the table of docs/security.md. */

import { readFileSync } from 'node:fs';

const text = readFileSync(new URL('../results/attacks.jsonl', import.meta.url), 'utf8');
const rows = text
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line));

console.log(
  '| Attack | Inputs | Memory in MiB before, highest, after | Descriptors before, after | Longest gap between pictures beside it |',
);
console.log('|---|---|---|---|---|');
for (const { name, inputs, memory, descriptors, beside } of rows) {
  const { before, highest, after } = memory;
  console.log(
    `| ${name} | ${inputs} | ${before}, ${highest}, ${after} | ${descriptors.before}, ${descriptors.after} | ${beside.longestGap} ms |`,
  );
}
