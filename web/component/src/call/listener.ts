/**
 * Has the server write down what the others say (speech to text). It knows nothing of elements, and nothing of who they are.
 */

import type { ExceptionEvent, Session, SpeechToTextEvent, Stream } from 'openvidu-browser';

/** After a recogniser was lost, or would not listen. */
const retry = 2_000;

export class Listener {
  /** What the server understands. */
  languages: string[] = [];
  /** What is listened to; `null`: nothing. */
  language: string | null = null;
  private readonly streams = new Set<Stream>();
  private timer: number | undefined;
  private troubled = false;

  /** `said` gets connection ids; `failed` why nothing is heard, once until something is again. */
  constructor(
    private readonly session: Session,
    said: (id: string, words: string, final: boolean) => void,
    private readonly failed: (why: string) => void,
  ) {
    session.on('speechToTextMessage', ({ connection, text, reason }: SpeechToTextEvent) => {
      this.troubled = false;
      if (this.language) said(connection.connectionId, text, String(reason) === 'recognized');
    });
    session.on('exception', (event: ExceptionEvent) => {
      // The server has forgotten all that was listened to.
      if (event.name === 'SPEECH_TO_TEXT_DISCONNECTED') this.later();
    });
  }

  toggle(): void {
    if (this.language) {
      this.language = null;
      window.clearTimeout(this.timer);
      for (const stream of this.streams) {
        this.session.unsubscribeFromSpeechToText(stream).catch(() => {});
      }
    } else {
      this.language = this.chosen();
      this.listen([...this.streams]);
    }
  }

  add(stream: Stream): void {
    this.streams.add(stream);
    this.listen([stream]);
  }

  /** The server goes on listening to who publishes again; what is asked for twice does no harm. */
  remove(stream: Stream): void {
    this.streams.delete(stream);
  }

  private listen(streams: Stream[]): void {
    const { language } = this;
    if (!language) return;
    for (const stream of streams) {
      this.session.subscribeToSpeechToText(stream, language).catch((error: Error) => {
        if (/Already subscribed/.test(error.message)) return;
        if (!this.troubled) this.failed(error.message);
        this.troubled = true;
        this.later();
      });
    }
  }

  private later(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.listen([...this.streams]), retry);
  }

  /** The reader's own language, if it is one of them. */
  private chosen(): string {
    const base = (tag: string) => tag.toLowerCase().split('-')[0];
    for (const wanted of navigator.languages) {
      const found =
        this.languages.find((one) => one.toLowerCase() === wanted.toLowerCase()) ??
        this.languages.find((one) => base(one) === base(wanted));
      if (found) return found;
    }
    return this.languages[0] ?? '';
  }
}
