/** Tables of rows: medians, and ratios of what was measured in the same round. Pure. */

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const number = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2));

/** The median, and the least and the most if there are several. */
export function spread(values) {
  const found = values.filter((value) => Number.isFinite(value));
  if (found.length === 0) return '';
  if (found.length === 1) return number(found[0]);
  return `${number(median(found))} (${number(Math.min(...found))} to ${number(Math.max(...found))})`;
}

/** Nothing where nothing was counted: talk has no pictures. */
const quantile = (quantiles, name) => (quantiles.count === 0 ? Number.NaN : quantiles[name]);

const columns = [
  ['µs per packet', ({ server_process }) => server_process.microseconds_per_packet],
  ['kB per leg', ({ server_process }) => server_process.memory_kb_per_leg],
  ['ms per join', ({ server_process }) => server_process.cpu_ms_per_join],
  ['delay p50, ms', ({ delay_ms }) => quantile(delay_ms, 'p50')],
  ['p99', ({ delay_ms }) => quantile(delay_ms, 'p99')],
  ['first packet p50, ms', ({ joins }) => quantile(joins.first_packet_ms, 'p50')],
  ['first picture p50', ({ joins }) => quantile(joins.first_picture_ms, 'p50')],
  ['p95', ({ joins }) => quantile(joins.first_picture_ms, 'p95')],
  ['generator, % of a core', ({ generator }) => generator.cpu_percent],
];

/** Whether everything was delivered: what a row with less says of cost is worth nothing. */
export const isWhole = ({ report }) =>
  Boolean(report) &&
  report.packets.lost === 0 &&
  report.packets.misdirected === 0 &&
  report.failures.length === 0 &&
  report.legs.with_media === report.legs.expected;

/** Of `rows` in the order in which peers are named; `base` is what the others are divided by. */
export function markdown(rows, base = 'madang') {
  const lines = [];
  for (const scenario of new Set(rows.map((row) => row.scenario))) {
    const here = rows.filter((row) => row.scenario === scenario);
    const whole = here.filter(isWhole);
    const titles = ['Server', 'whole rounds', 'packets/s', `µs per packet : ${base}`];
    lines.push(`### ${scenario}`, '');
    lines.push(`| ${[...titles, ...columns.map(([title]) => title)].join(' | ')} |`);
    lines.push(`|${'---|'.repeat(titles.length + columns.length)}`);
    const cost = columns[0][1];
    for (const peer of new Set(here.map((row) => row.peer))) {
      const own = whole.filter((row) => row.peer === peer);
      const ratios = own.map((row) => {
        const other = whole.find((one) => one.peer === base && one.round === row.round);
        return other ? cost(row.report) / cost(other.report) : Number.NaN;
      });
      const rounds = here.filter((row) => row.peer === peer).length;
      const rates = own.map(({ report }) => report.packets.received_per_second);
      const cells = [
        peer,
        `${own.length} of ${rounds}`,
        rates.length > 0 ? median(rates).toFixed(0) : '',
        peer === base ? '' : spread(ratios),
        ...columns.map(([, of]) => spread(own.map(({ report }) => of(report)))),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
    lines.push('');
  }
  return lines.join('\n');
}
