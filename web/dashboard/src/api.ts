/** Requests to the server: the dashboard's own, and OpenVidu's REST API, which the session cookie opens. */

import { language, type Text, text } from './text';

/** What the server answered, in words for whoever pressed the button. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const REST = 'openvidu/api';
/** So that a server which refuses whoever has just logged in is not asked for ever. */
const RELOADED = 'madang.reloaded';
const RELOAD_PAUSE_MS = 10_000;

/** An address of the server, whatever a proxy has in front of `/dashboard/`. */
export function address(path: string): string {
  return new URL(`../${path}`, new URL('./', location.href)).href.replace(/#.*/, '');
}

/** The same with the language and what else is asked for. */
export function asked(path: string, query: Record<string, string | number | null> = {}): string {
  const all = new URLSearchParams({ language: language() });
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== '') all.set(name, String(value));
  }
  return `${address(path)}?${all}`;
}

export async function get<T>(path: string, query = {}): Promise<T> {
  const response = await request('GET', asked(path, query));
  return (await response.json()) as T;
}

/** The REST API of OpenVidu. */
export async function rest<T>(method: string, path: string, body?: object): Promise<T> {
  const response = await request(method, address(`${REST}/${path}`), body);
  return parsed(await response.text()) as T;
}

/** Below `/dashboard`, as a change. */
export async function post<T>(path: string): Promise<T> {
  const response = await request('POST', asked(path), {});
  return parsed(await response.text()) as T;
}

async function request(method: string, url: string, body?: object): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      credentials: 'same-origin',
      headers: {
        'Accept-Language': language(),
        // The server tells by it that no form of another page has sent this.
        'Content-Type': 'application/json',
        // No pop-up of the browser that asks for a password: the page has its own way to log in.
        'X-Requested-With': 'XMLHttpRequest',
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, text('errorUnreachable'));
  }
  if (response.status === 401) {
    logInAgain();
    throw new ApiError(401, text('errorLogin'));
  }
  if (!response.ok)
    throw new ApiError(response.status, said(response.status, await response.text()));
  return response;
}

/** Many answers are empty, and the status says it all. */
function parsed(body: string): unknown {
  if (body === '') return null;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

const MEANINGS: Record<number, Text> = {
  403: 'errorForbidden',
  404: 'errorGone',
  405: 'errorNotAllowed',
  406: 'errorNobody',
  409: 'errorConflict',
  429: 'errorTooMany',
  501: 'errorOff',
};

/** The server's own words if it has some. */
export function said(status: number, body: string): string {
  const answer = parsed(body);
  if (typeof answer === 'string' && !answer.startsWith('<')) return answer;
  const message = (answer as { message?: unknown } | null)?.message;
  if (typeof message === 'string' && message !== '') return message;
  const meaning = MEANINGS[status];
  return meaning ? text(meaning) : text('errorStatus', { status });
}

/** Loads the page anew, which leads to the place to log in. */
function logInAgain(): void {
  const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
  if (Date.now() - last < RELOAD_PAUSE_MS) return;
  sessionStorage.setItem(RELOADED, String(Date.now()));
  location.reload();
}

/** Finds out whether the session of the browser has ended, and has it log in again if so. */
export async function expired(): Promise<void> {
  await get('dashboard/api/history', { limit: 1 }).catch(() => {});
}

export async function logOut(): Promise<void> {
  await post('dashboard/logout');
  location.reload();
}
