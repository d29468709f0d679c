/**
 * What is behind the person, blurred: made smaller and smaller and then larger again, which costs next to
 * nothing and needs no filter (Safari has none). The person is cut out before, or would shine around
 * themselves.
 */

/** Each half of the one before. The smallest decides how much is blurred. */
const FRACTIONS = [8, 16, 32];

export class Blur {
  private readonly behind = FRACTIONS.map(sheet);
  private readonly whole = sheet();
  private readonly result = [sheet(), sheet(), sheet()];

  /** A picture of the background without the person, smaller than the frame; it covers everything. */
  paint(frame: CanvasImageSource, person: CanvasImageSource, width: number, height: number) {
    const sizes = FRACTIONS.map((fraction) => ({
      width: Math.ceil(width / fraction),
      height: Math.ceil(height / fraction),
    }));
    let source = frame;
    for (const [i, { width, height }] of sizes.entries()) {
      const paper = this.behind[i];
      stretch(paper, source, width, height);
      if (i === 0) {
        paper.globalCompositeOperation = 'destination-out';
        paper.drawImage(person, 0, 0, width, height);
      }
      source = paper.canvas;
    }
    const [, middle, smallest] = this.behind;
    // Where the person is, what is around them; where there is nothing either, the person.
    const [, half, quarter] = sizes;
    stretch(this.whole, frame, quarter.width, quarter.height);
    const [first, second, third] = this.result;
    stretch(first, middle.canvas, half.width, half.height);
    first.globalCompositeOperation = 'destination-over';
    first.drawImage(smallest.canvas, 0, 0, half.width, half.height);
    first.drawImage(this.whole.canvas, 0, 0, half.width, half.height);
    // By and by: at one go the pixels of the small one would be seen.
    stretch(second, first.canvas, 2 * half.width, 2 * half.height);
    stretch(third, second.canvas, 4 * half.width, 4 * half.height);
    return third.canvas;
  }
}

function sheet(): OffscreenCanvasRenderingContext2D {
  const paper = new OffscreenCanvas(1, 1).getContext('2d');
  if (!paper) throw new Error('This browser has no canvas in workers');
  return paper;
}

/** Replaces what is on it. */
function stretch(
  paper: OffscreenCanvasRenderingContext2D,
  source: CanvasImageSource,
  width: number,
  height: number,
): void {
  if (paper.canvas.width !== width) paper.canvas.width = width;
  if (paper.canvas.height !== height) paper.canvas.height = height;
  paper.imageSmoothingQuality = 'medium';
  paper.globalCompositeOperation = 'copy';
  paper.drawImage(source, 0, 0, width, height);
}
