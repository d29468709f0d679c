/** Asks this page's own server for a token to a room. An application would ask its own backend. */

import { text } from './texts';

/** What lets somebody into a room. */
export interface Place {
  token: string;
  /** Languages in which the server writes down what is said. */
  languages?: string[];
}

/** A place for `name` in `room`; the error's message is fit to be shown. */
export async function askForPlace(room: string, name: string): Promise<Place> {
  let response: Response;
  try {
    response = await fetch('/call/token', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ room, name }),
    });
  } catch {
    throw new Error(text('serverAway'));
  }
  const answer = (await response.json().catch(() => ({}))) as Partial<Place> & { message?: string };
  if (!response.ok || !answer.token) {
    throw new Error(text('tokenFailed', { why: answer.message ?? `HTTP ${response.status}` }));
  }
  return { ...answer, token: answer.token };
}
