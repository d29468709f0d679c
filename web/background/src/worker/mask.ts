/** From how sure the model is to how opaque the person is. */

import type { Look } from '../messages';

/** How much a new frame counts against those before it: edges that flicker are seen more than ones that lag. */
const FRESHNESS = 0.7;
/** On both sides of where person and background part: the model is rarely so unsure within either. */
const SOFTNESS = 0.2;
/** Pixels of the mask at a radius of 1. */
const WIDEST_RADIUS = 8;

export class Mask {
  /** Opaque where the person is. */
  readonly person: OffscreenCanvas;
  /** Opaque at the person's edge, as far as light shall fall on it. */
  readonly edge: OffscreenCanvas;
  private readonly paint: OffscreenCanvasRenderingContext2D;
  private readonly paintEdge: OffscreenCanvasRenderingContext2D;
  private readonly pixels: ImageData;
  /** Nothing before the first frame. */
  private steady: Float32Array | null = null;
  private readonly rows: Float32Array;
  private readonly opacity: Float32Array;

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    this.person = new OffscreenCanvas(width, height);
    this.edge = new OffscreenCanvas(width, height);
    this.paint = context(this.person);
    this.paintEdge = context(this.edge);
    this.pixels = new ImageData(width, height);
    this.rows = new Float32Array(width * height);
    this.opacity = new Float32Array(width * height);
  }

  update(confidence: Float32Array, look: Look): void {
    this.steady ??= confidence.slice();
    const { steady, opacity } = this;
    const middle = SOFTNESS + look.backgroundCoverage * (1 - 2 * SOFTNESS);
    for (let i = 0; i < steady.length; i++) {
      steady[i] += (confidence[i] - steady[i]) * FRESHNESS;
      opacity[i] = smoothStep((steady[i] - middle + SOFTNESS) / (2 * SOFTNESS));
    }
    const radius = Math.round(look.maskRadius * WIDEST_RADIUS);
    if (radius > 0) {
      average(opacity, this.rows, this.width, this.height, radius, true);
      average(this.rows, opacity, this.width, this.height, radius, false);
    }
    this.draw(this.paint, (opaque) => opaque);
    if (look.lightWrapping > 0) {
      this.draw(this.paintEdge, (opaque) => 4 * opaque * (1 - opaque) * look.lightWrapping);
    }
  }

  private draw(paint: OffscreenCanvasRenderingContext2D, of: (opacity: number) => number): void {
    const { data } = this.pixels;
    for (let i = 0; i < this.opacity.length; i++) data[4 * i + 3] = 255 * of(this.opacity[i]);
    paint.putImageData(this.pixels, 0, 0);
  }
}

/** 0 up to 0, 1 from 1 on. */
function smoothStep(x: number): number {
  const within = Math.min(1, Math.max(0, x));
  return within * within * (3 - 2 * within);
}

/** Of each pixel and its neighbours in its row (`along`) or column; at the border those that there are. */
function average(
  from: Float32Array,
  to: Float32Array,
  width: number,
  height: number,
  radius: number,
  along: boolean,
): void {
  const [lines, length] = along ? [height, width] : [width, height];
  const [line, step] = along ? [width, 1] : [1, width];
  for (let i = 0; i < lines; i++) {
    const start = i * line;
    let sum = 0;
    let count = 0;
    for (let entering = 0; entering < length + radius; entering++) {
      if (entering < length) {
        sum += from[start + entering * step];
        count += 1;
      }
      const leaving = entering - 2 * radius - 1;
      if (leaving >= 0) {
        sum -= from[start + leaving * step];
        count -= 1;
      }
      const middle = entering - radius;
      if (middle >= 0) to[start + middle * step] = sum / count;
    }
  }
}

function context(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const paint = canvas.getContext('2d', { willReadFrequently: true });
  if (!paint) throw new Error('This browser has no canvas in workers');
  return paint;
}
