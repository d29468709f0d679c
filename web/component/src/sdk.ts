/** Small functions for applications: an element with everything set, and the client of `POST /call/token`. */

import type { CallOptions, MadangCallElement, Place } from './api.js';
import { post } from './post.js';

/** Puts a call into an element of the page, and returns it. It ends when it is removed. */
export function createCall(parent: Element, options: CallOptions = {}): MadangCallElement {
  const call = document.createElement('madang-call');
  Object.assign(call, options);
  parent.append(call);
  return call;
}

/** Which room of the page for calls, and as whom. */
export interface PlaceRequest {
  room: string;
  name?: string;
  /** The server's address; that of the page if none is given. */
  server?: string;
}

/** How a call was. */
export interface Feedback {
  /** Of the {@link Place}. */
  pass: string;
  /** One to five. */
  stars: number;
  /** At most 500 characters. */
  words?: string;
  /** The server's address; that of the page if none is given. */
  server?: string;
}

/** The server gave no place. */
export class PlaceError extends Error {
  /** `status` is of HTTP; 0 if nothing was answered. */
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message);
    this.name = 'PlaceError';
  }
}

/**
 * A place in a room that anybody may enter who knows its name. Throws a {@link PlaceError}. Applications with sessions of
 * their own get tokens from their own servers instead.
 */
export async function askForPlace({ room, name = '', server = '' }: PlaceRequest): Promise<Place> {
  let response: Response;
  try {
    response = await fetch(`${server.replace(/\/+$/, '')}/call/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ room, name }),
    });
  } catch (error) {
    throw new PlaceError(String(error), 0);
  }
  const answer = (await response.json().catch(() => ({}))) as Partial<Place> & { message?: string };
  if (!response.ok || !answer.token) {
    throw new PlaceError(answer.message ?? `HTTP ${response.status}`, response.status);
  }
  return { ...answer, token: answer.token };
}

/** Says how a call was, for whoever had a place in it. The last time counts. */
export async function sendFeedback({ server = '', ...said }: Feedback): Promise<void> {
  await post(`${server.replace(/\/+$/, '')}/call/feedback`, said);
}
