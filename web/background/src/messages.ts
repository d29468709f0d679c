/** What the page and its worker tell each other. */

/** How the person is cut out; each from 0 to 1. */
export interface Look {
  /** How far the edge is feathered. */
  maskRadius: number;
  /** How much of what may be either counts as background. */
  backgroundCoverage: number;
  /** How much of the background's light falls on the person's edge. */
  lightWrapping: number;
}

/** Where the worker finds what it needs. */
export interface Assets {
  /** TensorFlow Lite. */
  program: string;
  model: string;
}

/** Frames and pictures that never touch the page's own thread, where the browser can. */
export interface Tracks {
  frames: ReadableStream<VideoFrame>;
  pictures: WritableStream<VideoFrame>;
}

export type ToWorker =
  | {
      kind: 'begin';
      assets: Assets;
      framesPerSecond: number;
      look: Look;
      /** None: the frame itself, blurred. */
      background: ImageBitmap | null;
      /** What the camera shows now. */
      frame: ImageBitmap;
      tracks: Tracks | null;
    }
  /** `background` is left out if it stays. */
  | { kind: 'change'; change: number; look: Look; background?: ImageBitmap }
  /** The answer to `wanted`; none if there is none now. */
  | { kind: 'frame'; frame: ImageBitmap | null }
  /** Nothing is heard of it any more. */
  | { kind: 'stop' };

export type FromWorker =
  /** The first picture is made. */
  | { kind: 'begun' }
  /** The first picture with that change is made. */
  | { kind: 'changed'; change: number }
  /** Without tracks: time for a frame. */
  | { kind: 'wanted' }
  /** Without tracks: what became of it. */
  | { kind: 'picture'; picture: ImageBitmap }
  | { kind: 'failed'; message: string };
