/** Which view the address after `#` names. */

export type Route =
  | { view: 'live' | 'recordings' | 'history' | 'settings' | 'doctor' | 'cameras' }
  | { view: 'session'; id: string }
  | { view: 'story'; key: string };

export type Page = Exclude<Route['view'], 'session' | 'story'>;

export function route(hash: string): Route {
  const [first = '', second = ''] = hash
    .replace(/^#?\/?/, '')
    .split('/')
    .map(decoded);
  if (first === 'sessions' && second) return { view: 'session', id: second };
  if (first === 'history' && second) return { view: 'story', key: second };
  switch (first) {
    case 'recordings':
    case 'history':
    case 'settings':
    case 'doctor':
    case 'cameras':
      return { view: first };
    default:
      return { view: 'live' };
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const sessionLink = (id: string): string => `#/sessions/${encodeURIComponent(id)}`;
export const storyLink = (key: string): string => `#/history/${encodeURIComponent(key)}`;
export const pageLink = (page: Page): string => (page === 'live' ? '#/' : `#/${page}`);
