/** Puts the person of a frame before a background. */

import type { Look } from '../messages';
import { Blur } from './blur';
import { Mask } from './mask';
import type { Segmenter } from './segmenter';

export class Painter {
  private readonly mask: Mask;
  private readonly blur = new Blur();
  private readonly picture = sheet();
  private readonly light = sheet();

  /** Without a background: the frame's own, blurred. */
  constructor(
    private readonly segmenter: Segmenter,
    private look: Look,
    private background: ImageBitmap | null,
  ) {
    this.mask = new Mask(segmenter.width, segmenter.height);
  }

  change(look: Look, background?: ImageBitmap): void {
    this.look = look;
    if (!background) return;
    this.background?.close();
    this.background = background;
  }

  /** Valid until the next call. */
  paint(frame: CanvasImageSource, width: number, height: number): OffscreenCanvas {
    this.mask.update(this.segmenter.segment(frame), this.look);
    const { picture, mask } = this;
    resize(picture, width, height);
    picture.globalCompositeOperation = 'copy';
    picture.drawImage(mask.person, 0, 0, width, height);
    picture.globalCompositeOperation = 'source-in';
    picture.drawImage(frame, 0, 0, width, height);
    const background =
      this.background ?? this.blur.paint(this.segmenter.seen, mask.person, width, height);
    picture.globalCompositeOperation = 'destination-over';
    cover(picture, background, width, height);
    if (this.look.lightWrapping > 0) this.shine(background, width, height);
    return picture.canvas;
  }

  /** The background's light on the person's edge. */
  private shine(background: ImageBitmap | OffscreenCanvas, width: number, height: number): void {
    const { light, picture, mask } = this;
    resize(light, width, height);
    light.globalCompositeOperation = 'copy';
    light.drawImage(mask.edge, 0, 0, width, height);
    light.globalCompositeOperation = 'source-in';
    cover(light, background, width, height);
    picture.globalCompositeOperation = 'screen';
    picture.drawImage(light.canvas, 0, 0);
  }
}

/** As large as it has to be to leave nothing empty; what is too much is cut off on both sides. */
function cover(
  paper: OffscreenCanvasRenderingContext2D,
  image: ImageBitmap | OffscreenCanvas,
  width: number,
  height: number,
): void {
  const scale = Math.max(width / image.width, height / image.height);
  const [w, h] = [image.width * scale, image.height * scale];
  paper.drawImage(image, (width - w) / 2, (height - h) / 2, w, h);
}

function sheet(): OffscreenCanvasRenderingContext2D {
  const paper = new OffscreenCanvas(1, 1).getContext('2d');
  if (!paper) throw new Error('This browser has no canvas in workers');
  return paper;
}

function resize(paper: OffscreenCanvasRenderingContext2D, width: number, height: number): void {
  if (paper.canvas.width !== width) paper.canvas.width = width;
  if (paper.canvas.height !== height) paper.canvas.height = height;
}
