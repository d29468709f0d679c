/**
 * The track that the pictures become. Chromium takes frames from a track and makes a track of pictures in
 * the worker itself; for others the page hands frames over, and paints pictures on a canvas. Neither waits
 * for the screen to be drawn, which stops while the page is hidden.
 */

import type { Tracks } from './messages';

/** Not in all browsers, and so not in TypeScript's library. */
interface InsertableStreams {
  MediaStreamTrackProcessor?: new (init: {
    track: MediaStreamTrack;
  }) => {
    readable: ReadableStream<VideoFrame>;
  };
  MediaStreamTrackGenerator?: new (init: {
    kind: 'video';
  }) => MediaStreamTrack & { writable: WritableStream<VideoFrame> };
}

export interface Output {
  readonly track: MediaStreamTrack;
  /** For the worker; none: it gets frames and gives pictures one by one. */
  readonly tracks: Tracks | null;
  show(picture: ImageBitmap): void;
}

export function openOutput(camera: MediaStreamTrack, framesPerSecond: number): Output {
  const { MediaStreamTrackProcessor, MediaStreamTrackGenerator } = globalThis as InsertableStreams;
  if (MediaStreamTrackProcessor && MediaStreamTrackGenerator) {
    const { readable } = new MediaStreamTrackProcessor({ track: camera });
    const track = new MediaStreamTrackGenerator({ kind: 'video' });
    return { track, tracks: { frames: readable, pictures: track.writable }, show: () => {} };
  }
  return new Canvas(framesPerSecond);
}

class Canvas implements Output {
  readonly track: MediaStreamTrack;
  readonly tracks = null;
  private readonly context: CanvasRenderingContext2D;

  constructor(framesPerSecond: number) {
    const context = document.createElement('canvas').getContext('2d', { alpha: false });
    if (!context) throw new Error('This browser has no canvas to paint on');
    this.context = context;
    const [track] = context.canvas.captureStream(framesPerSecond).getVideoTracks();
    if (!track) throw new Error('This browser makes no video of a canvas');
    this.track = track;
  }

  show(picture: ImageBitmap): void {
    const { canvas } = this.context;
    if (canvas.width !== picture.width) canvas.width = picture.width;
    if (canvas.height !== picture.height) canvas.height = picture.height;
    this.context.drawImage(picture, 0, 0);
    picture.close();
  }
}
