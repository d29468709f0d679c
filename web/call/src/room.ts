/** The room in the address bar: `/?room=…` is a link that others can open. */

const key = 'room';

/** The room that the address names (`?room=…` or `#…`), or a fresh one that is easy to read out. */
export function roomOfAddress(): string {
  const given =
    new URLSearchParams(location.search).get(key) || decodeURIComponent(location.hash.slice(1));
  return tidyRoom(given) || inventRoom();
}

/**
 * Session ids are letters, digits, `-` and `_`. What people type otherwise becomes `-`; letters of
 * other scripts become their code, so that two rooms with different names stay different.
 */
export function tidyRoom(typed: string): string {
  return typed
    .trim()
    .replace(/[^A-Za-z0-9_-]/gu, (c) =>
      /\p{L}|\p{N}/u.test(c) ? (c.codePointAt(0) as number).toString(36) : '-',
    )
    .replace(/-{2,}/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 64);
}

/** The link to share. */
export function linkTo(room: string): string {
  const link = new URL(location.href);
  link.search = '';
  link.hash = '';
  link.searchParams.set(key, room);
  return link.href;
}

/** Puts the room into the address bar, so that reloading and sharing the address work. */
export function showRoomInAddress(room: string): void {
  history.replaceState(null, '', linkTo(room));
}

function inventRoom(): string {
  const first = ['sunny', 'quiet', 'green', 'bright', 'calm', 'merry', 'early', 'gentle'];
  const second = ['yard', 'garden', 'meadow', 'porch', 'orchard', 'terrace', 'grove', 'plaza'];
  const pick = (words: string[]) => words[Math.floor(Math.random() * words.length)];
  return `${pick(first)}-${pick(second)}-${Math.floor(10 + Math.random() * 90)}`;
}
