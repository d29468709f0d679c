/** Figures and times as people read them. Knows nothing of the page. */

/** `1.2 Mbit/s`; whole numbers below one kilobit. */
export function bitrate(bps: number): string {
  return `${scaled(bps, 1000, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'])}`;
}

/** `512 MB`, in powers of 1024 as operating systems show them. */
export function bytes(count: number): string {
  return scaled(count, 1024, ['B', 'KB', 'MB', 'GB', 'TB']);
}

function scaled(value: number, step: number, units: string[]): string {
  let at = 0;
  let rest = Math.max(0, value);
  while (rest >= step && at < units.length - 1) {
    rest /= step;
    at += 1;
  }
  const digits = at > 0 && rest < 10 ? 1 : 0;
  return `${rest.toFixed(digits)} ${units[at]}`;
}

/** Thousandths as `0.4 %`. */
export function permille(value: number): string {
  return `${(value / 10).toFixed(value < 100 ? 1 : 0)} %`;
}

/** `0:07`, `12:30`, `1:02:03`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [hours, minutes, rest] = [
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  const two = (n: number) => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Since the start, to tenths of a second where that tells causes from effects: `+0:07.3`. */
export function offset(at: number, start: number): string {
  const ms = at - start;
  const size = Math.abs(ms);
  const tenths = size < 600_000 ? `.${Math.floor((size % 1000) / 100)}` : '';
  return `${ms < 0 ? '−' : '+'}${duration(size)}${tenths}`;
}

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
const DAY = { year: 'numeric', month: 'short', day: 'numeric' } as const;
/** Each costs more to make than hundreds of times to write. */
const formats = new Map<string, Intl.DateTimeFormat>();

function written(at: number, language: string, day: boolean): string {
  const name = `${language} ${day}`;
  let format = formats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat(language, day ? { ...DAY, ...TIME } : TIME);
    formats.set(name, format);
  }
  return format.format(at);
}

/** The time of day, to the second. */
export const clock = (at: number, language: string): string => written(at, language, false);

/** Date and time, to the second. */
export const moment = (at: number, language: string): string => written(at, language, true);

/** Midnight before the day of an `<input type=date>` here; `NaN` if there is none. */
export function dayStart(day: string): number {
  return new Date(`${day}T00:00:00`).getTime();
}

/** Midnight after it. */
export function dayEnd(day: string): number {
  const start = new Date(`${day}T00:00:00`);
  start.setDate(start.getDate() + 1);
  return start.getTime();
}

/** An address that may be shown: cameras have their passwords in it. */
export const withoutPassword = (url: string): string => url.replace(/\/\/[^/]*@/, '//…@');
