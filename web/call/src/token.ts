/** Asks this page's own server for a token to a room. An application would ask its own backend. */

import { text } from './texts';

/** A token for `name` in `room`; the error's message is fit to be shown. */
export async function askForToken(room: string, name: string): Promise<string> {
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
  const answer = (await response.json().catch(() => ({}))) as { token?: string; message?: string };
  if (!response.ok || !answer.token) {
    throw new Error(text('tokenFailed', { why: answer.message ?? `HTTP ${response.status}` }));
  }
  return answer.token;
}
