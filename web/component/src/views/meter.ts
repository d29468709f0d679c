/** How loud the microphone hears the person. */

import { html } from 'lit';
import { define, Part } from './part';

export class Meter extends Part {
  static override properties = { ...Part.properties, stream: { attribute: false } };
  /** Another track in it is noticed. */
  declare stream: MediaStream | null;

  private context: AudioContext | null = null;
  private track: MediaStreamTrack | null = null;
  private frame = 0;

  protected override render() {
    return html`<span class="level" role="img" aria-label=${this.say('level')}><i></i></span>`;
  }

  protected override updated(): void {
    const [track = null] = this.stream?.getAudioTracks() ?? [];
    if (track === this.track) return;
    this.stop();
    this.track = track;
    if (track) this.listen(track);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  private listen(track: MediaStreamTrack): void {
    this.context = new AudioContext();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 1024;
    this.context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let shown = 0;
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      // From -60 to -10 decibels.
      const level = Math.min(Math.max((10 * Math.log10(power + 1e-9) + 60) / 50, 0), 1);
      shown = Math.max(level, shown * 0.9);
      const bar = this.querySelector('i');
      if (bar) bar.style.transform = `scaleX(${shown.toFixed(3)})`;
      this.frame = requestAnimationFrame(draw);
    };
    draw();
  }

  private stop(): void {
    cancelAnimationFrame(this.frame);
    void this.context?.close();
    this.context = null;
    this.track = null;
  }
}

define('madang-call-meter', Meter);
