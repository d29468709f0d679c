/** A worker at work on one camera, from the page's side. */

import { Failure } from './failure';
import type { Assets, FromWorker, Look, ToWorker } from './messages';
import { type Output, openOutput } from './output';
import PictureWorker from './worker/worker?worker&inline';

/** ms until the first picture: time to load three megabytes, and for a slow machine to start. */
const PATIENCE = 30_000;
/** ms for a worker to end by itself: it has frames of the camera to give back. */
const FAREWELL = 2_000;

interface Pending {
  resolve: () => void;
  reject: (failure: Failure) => void;
}

export interface Task {
  /** Plays the camera. */
  video: HTMLVideoElement;
  assets: Assets;
  framesPerSecond: number;
  look: Look;
  background: ImageBitmap | null;
}

export class Process {
  private readonly worker = new PictureWorker();
  private readonly pending = new Map<number, Pending>();
  private changes = 0;
  private ended: Failure | null = null;

  private constructor(
    private readonly video: HTMLVideoElement,
    private readonly output: Output,
  ) {
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    this.worker.onerror = ({ message }) =>
      this.fail(
        `The worker ended: ${message || 'does the page allow it (Content-Security-Policy: worker-src blob:)?'}`,
      );
  }

  /** Resolves once there is a picture. */
  static async begin(task: Task): Promise<Process> {
    const { video, assets, framesPerSecond, look, background } = task;
    const camera = (video.srcObject as MediaStream | null)?.getVideoTracks()[0];
    if (!camera) throw new Failure('The video has no track');
    const frame = await createImageBitmap(video);
    const process = new Process(video, openOutput(camera, framesPerSecond));
    const { tracks } = process.output;
    const begun = process.expect(0);
    const timer = setTimeout(
      () => process.end(new Failure(`No picture was made in ${PATIENCE / 1000} s`)),
      PATIENCE,
    );
    try {
      process.tell({ kind: 'begin', assets, framesPerSecond, look, background, frame, tracks }, [
        frame,
        background,
        tracks?.frames,
        tracks?.pictures,
      ]);
      await begun;
    } catch (error) {
      process.end(Failure.of(error));
      throw error;
    } finally {
      clearTimeout(timer);
    }
    return process;
  }

  get track(): MediaStreamTrack {
    return this.output.track;
  }

  /** Resolves once there is a picture with it. Without a background, that stays. */
  async change(look: Look, background?: ImageBitmap): Promise<void> {
    if (this.ended) throw this.ended;
    this.changes += 1;
    const { changes: change } = this;
    const changed = this.expect(change);
    this.tell({ kind: 'change', change, look, background }, [background]);
    await changed;
  }

  /** Ends the track, but not the camera's. */
  stop(): void {
    this.end(new Failure('The background was removed'));
  }

  private expect(change: number): Promise<void> {
    return new Promise((resolve, reject) => this.pending.set(change, { resolve, reject }));
  }

  private tell(message: ToWorker, transfer: (Transferable | null | undefined)[]): void {
    this.worker.postMessage(
      message,
      transfer.filter((part) => part != null),
    );
  }

  private hear(message: FromWorker): void {
    switch (message.kind) {
      case 'begun':
        this.settle(0);
        break;
      case 'changed':
        this.settle(message.change);
        break;
      case 'wanted':
        void this.handOver();
        break;
      case 'picture':
        this.output.show(message.picture);
        break;
      case 'failed':
        this.fail(message.message);
        break;
    }
  }

  private settle(change: number): void {
    this.pending.get(change)?.resolve();
    this.pending.delete(change);
  }

  private async handOver(): Promise<void> {
    // A camera that is being changed has no frame for a moment.
    const frame = await createImageBitmap(this.video).catch(() => null);
    if (!this.ended) this.tell({ kind: 'frame', frame }, [frame]);
  }

  private fail(why: string): void {
    // Nobody waits who could be told; a track that the client has stopped is its own doing.
    const unnoticed = this.pending.size === 0 && this.output.track.readyState === 'live';
    if (unnoticed) console.error(`Virtual background: ${why}`);
    this.end(new Failure(why));
  }

  private end(why: Failure): void {
    if (this.ended) return;
    this.ended = why;
    this.worker.onmessage = null;
    this.worker.onerror = null;
    this.tell({ kind: 'stop' }, []);
    setTimeout(() => this.worker.terminate(), FAREWELL);
    this.output.track.stop();
    for (const { reject } of this.pending.values()) reject(why);
    this.pending.clear();
  }
}
