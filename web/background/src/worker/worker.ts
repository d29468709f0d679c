/** The worker: frames in, pictures out, so fast as it can and no faster than it shall. */

import type { FromWorker, ToWorker, Tracks } from '../messages';
import { Pace } from './pace';
import { Painter } from './painter';
import { Segmenter } from './segmenter';

type Begin = Extract<ToWorker, { kind: 'begin' }>;
type Change = Extract<ToWorker, { kind: 'change' }>;

/** ms: a camera sends a frame before that; a screen that nobody touches may not. */
const FIRST_FRAME = 500;

/** This file is compiled with the page's types. */
interface Scope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  close(): void;
}
const page = self as unknown as Scope;

/** What becomes of a frame. */
interface Studio {
  /** Made again with what has changed, without waiting for the next frame. */
  repaint(): Promise<void>;
  take(frame: ImageBitmap | null): void;
}

let painter: Painter | null = null;
let studio: Studio | null = null;
/**
 * Gives the camera's frames back. There are only few, and as long as they are not closed the camera makes no
 * others; a worker that is merely terminated leaves them to the garbage collector.
 */
let release = () => {};

page.onmessage = ({ data }) => {
  receive(data).catch(fail);
};

async function receive(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case 'begin':
      return begin(message);
    case 'change':
      return change(message);
    case 'frame':
      return studio?.take(message.frame);
    case 'stop':
      release();
      return page.close();
  }
}

async function begin({ assets, look, background, tracks, frame, framesPerSecond }: Begin) {
  release = () => void tracks?.frames.cancel();
  painter = new Painter(await Segmenter.load(assets), look, background);
  studio = tracks
    ? await TrackStudio.open(painter, tracks, frame, framesPerSecond)
    : new TimedStudio(painter, frame, framesPerSecond);
  page.postMessage({ kind: 'begun' });
}

async function change({ change, look, background }: Change): Promise<void> {
  painter?.change(look, background);
  await studio?.repaint();
  page.postMessage({ kind: 'changed', change });
}

function fail(error: unknown): void {
  release();
  page.postMessage({
    kind: 'failed',
    message: error instanceof Error ? error.message : String(error),
  });
}

/** From track to track: the page's thread has no part in it. */
class TrackStudio implements Studio {
  private readonly writer: WritableStreamDefaultWriter<VideoFrame>;
  private readonly pace: Pace;
  private last: VideoFrame | null = null;

  private constructor(
    private readonly painter: Painter,
    tracks: Tracks,
    framesPerSecond: number,
  ) {
    this.writer = tracks.pictures.getWriter();
    this.pace = new Pace(1_000_000 / framesPerSecond);
  }

  /** With the first picture made. */
  static async open(painter: Painter, tracks: Tracks, frame: ImageBitmap, framesPerSecond: number) {
    const studio = new TrackStudio(painter, tracks, framesPerSecond);
    const reader = tracks.frames.getReader();
    release = () => {
      studio.last?.close();
      studio.last = null;
      // What waits for a frame is answered that there is none.
      void reader.cancel();
    };
    const first = reader.read();
    const late = new Promise<null>((resolve) => setTimeout(resolve, FIRST_FRAME, null));
    const next = await Promise.race([first, late]);
    if (next?.done) throw new Error('The camera has stopped');
    await studio.paint(next ? next.value : new VideoFrame(frame, { timestamp: 0 }));
    frame.close();
    studio.follow(reader, next ? reader.read() : first).catch(fail);
    return studio;
  }

  take(): void {}

  async repaint(): Promise<void> {
    if (!this.last) return;
    // Later than the last one, and earlier than any other.
    await this.write(this.last, this.last.timestamp + 1);
  }

  private async follow(
    reader: ReadableStreamDefaultReader<VideoFrame>,
    first: Promise<ReadableStreamReadResult<VideoFrame>>,
  ): Promise<void> {
    for (let next = await first; !next.done; next = await reader.read()) {
      if (this.pace.admits(next.value.timestamp)) await this.paint(next.value);
      else next.value.close();
    }
    // The camera's track has ended, and so does this one.
    await this.writer.close();
  }

  private async paint(frame: VideoFrame): Promise<void> {
    this.last?.close();
    this.last = frame;
    await this.write(frame, frame.timestamp);
  }

  private async write(frame: VideoFrame, timestamp: number): Promise<void> {
    const picture = this.painter.paint(frame, frame.displayWidth, frame.displayHeight);
    await this.writer.write(new VideoFrame(picture, { timestamp, alpha: 'discard' }));
  }
}

/** By the clock: the page is asked for each frame. A worker's timers go on while the page is hidden. */
class TimedStudio implements Studio {
  private asked = false;

  constructor(
    private readonly painter: Painter,
    private last: ImageBitmap,
    framesPerSecond: number,
  ) {
    this.paint();
    setInterval(() => this.ask(), 1000 / framesPerSecond);
  }

  take(frame: ImageBitmap | null): void {
    this.asked = false;
    if (!frame) return;
    this.last.close();
    this.last = frame;
    this.paint();
  }

  async repaint(): Promise<void> {
    this.paint();
  }

  private ask(): void {
    if (this.asked) return;
    this.asked = true;
    page.postMessage({ kind: 'wanted' });
  }

  private paint(): void {
    const { width, height } = this.last;
    const picture = this.painter.paint(this.last, width, height).transferToImageBitmap();
    page.postMessage({ kind: 'picture', picture }, [picture]);
  }
}
