/** The REST API as a backend without a client library would call it. */

import { secret } from './server.mjs';

/** Sends one request; answers status and parsed body. */
export async function rest(server, method, path, body, headers = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      Authorization: `Basic ${Buffer.from(`OPENVIDUAPP:${secret}`).toString('base64')}`,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  let parsed = text;
  try {
    parsed = text ? JSON.parse(text) : undefined;
  } catch {
    // Some answers are plain text.
  }
  return { status: response.status, body: parsed };
}

/** The same, but anything other than success fails the test. */
export async function restOk(server, method, path, body, headers) {
  const answer = await rest(server, method, path, body, headers);
  if (answer.status >= 300) {
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }
  return answer.body;
}
