/** The room in the address bar: `/?room=…` is a link that others can open. */

const key = 'room';

/** The room that the address names (`?room=…` or `#…`), or the given one, or a fresh one that is easy to read out. */
export function roomOfAddress(given = ''): string {
  const named = new URLSearchParams(location.search).get(key) || decoded(location.hash.slice(1));
  return tidyRoom(named) || tidyRoom(given) || inventRoom();
}

/** What was typed, as one line without odd spaces; the server takes names in every script. */
function tidyRoom(typed: string): string {
  const words = typed.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  return [...words].slice(0, 64).join('').trim();
}

/** The link to share, for whichever room: nothing of one's own options is in it. */
export function inviteLink(): string {
  return `${location.origin}${location.pathname}?${key}={room}`;
}

/** Puts the room into the address bar, so that reloading and sharing the address work. */
export function showRoomInAddress(room: string): void {
  const address = new URL(location.href);
  address.hash = '';
  address.searchParams.set(key, room);
  history.replaceState(null, '', address);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function inventRoom(): string {
  const first = ['sunny', 'quiet', 'green', 'bright', 'calm', 'merry', 'early', 'gentle'];
  const second = ['yard', 'garden', 'meadow', 'porch', 'orchard', 'terrace', 'grove', 'plaza'];
  const pick = (words: string[]) => words[Math.floor(Math.random() * words.length)];
  return `${pick(first)}-${pick(second)}-${Math.floor(10 + Math.random() * 90)}`;
}
