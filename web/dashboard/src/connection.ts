/** The WebSocket that the server tells news by: opened again when it breaks, with growing pauses. */

import { expired } from './api';
import type { FromPage, FromServer } from './protocol';
import { Store } from './store';
import { language, languages } from './text';

/** Pauses before the next attempt; the last one from then on. */
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000];
/** The server says something each few seconds; a socket that is silent for so long leads nowhere. */
const SILENCE_MS = 20_000;

/** The pause before an attempt, with some chance in it: a restarted server is not met by everybody at once. */
export function pause(attempt: number, chance: number): number {
  const ms = PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)] ?? 0;
  return Math.round(ms * (0.75 + chance / 2));
}

/** Fires `change` when there is something new to show. */
export class Live extends EventTarget {
  readonly store = new Store();
  /** Whether what is shown is how it is now. */
  connected = false;
  /** When it will be tried again. */
  retryAt: number | null = null;

  private socket: WebSocket | null = null;
  private attempt = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    languages.addEventListener('change', () => this.open());
    // A phone that wakes up, a cable that is back: no need to wait for the pause to end.
    window.addEventListener('online', () => this.retry());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) this.retry();
    });
    this.open();
  }

  /** Tries at once. */
  retry(): void {
    if (this.retryAt !== null) this.open();
  }

  watch(id: string | null): void {
    this.store.watch(id);
    this.say({ watch: id });
    this.changed();
  }

  private say(message: FromPage): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private open(): void {
    this.drop();
    this.retryAt = null;
    const url = new URL('live', new URL('./', location.href));
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    url.search = new URLSearchParams({ language: language() }).toString();
    const socket = new WebSocket(url);
    this.socket = socket;
    this.expectWords();
    socket.onopen = () => {
      this.store.begin();
      if (this.store.watched !== null) this.say({ watch: this.store.watched });
    };
    socket.onmessage = ({ data }) => {
      this.expectWords();
      this.store.take(JSON.parse(data as string) as FromServer, Date.now());
      if (this.store.complete) {
        this.connected = true;
        this.attempt = 0;
      }
      this.changed();
    };
    socket.onclose = () => this.lost();
    this.changed();
  }

  private expectWords(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.lost(), SILENCE_MS);
  }

  private drop(): void {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    if (!this.socket) return;
    this.socket.onopen = null;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private lost(): void {
    this.drop();
    const wasConnected = this.connected;
    this.connected = false;
    const wait = pause(this.attempt, Math.random());
    this.attempt += 1;
    this.retryAt = Date.now() + wait;
    this.timer = setTimeout(() => this.open(), wait);
    this.changed();
    // A browser does not say why a WebSocket was refused; a request does.
    if (!wasConnected) void expired();
  }

  private changed(): void {
    this.dispatchEvent(new Event('change'));
  }
}

export const live = new Live();
