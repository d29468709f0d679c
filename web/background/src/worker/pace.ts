/** Which frames are taken if there are more than are wanted. */

export class Pace {
  private next = Number.NEGATIVE_INFINITY;

  /** In the unit of the frames' times. */
  constructor(private readonly interval: number) {}

  /** On average so many, whatever the camera's own rate is; none is made up for after a pause. */
  admits(time: number): boolean {
    if (time < this.next) return false;
    this.next = Math.max(this.next + this.interval, time);
    return true;
  }
}
