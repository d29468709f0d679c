/** A line chart over the last minutes, drawn by uPlot, with its newest values in words for who cannot see it. */

import { html, type PropertyValues } from 'lit';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { clock } from './format';
import { language } from './text';
import { themes } from './theme';
import { Follow, View } from './view';

export interface Line {
  name: string;
  /** A colour variable of the style sheet. */
  colour: string;
}

export type Data = [number[], ...(number | null)[][]];

/** A page that was just opened has a line at its right end, not two points across the chart. */
const LEAST_S = 60;
/** A line has two ends. */
const LEAST_POINTS = 2;
/** Between the lines of the grid: halves of a bit or of a millisecond say nothing. */
const STEPS = Array.from({ length: 12 }, (_, power) =>
  [1, 2, 5].map((n) => n * 10 ** power),
).flat();

class Chart extends View {
  static override properties = {
    name: {},
    lines: { attribute: false },
    data: { attribute: false },
    format: { attribute: false },
    height: { type: Number },
    together: {},
  };

  declare name: string;
  declare lines: Line[];
  /** Times in ms since 1970, then the values of each line. */
  declare data: Data;
  declare format: (value: number) => string;
  declare height: number;
  /** Charts of one such name show the same moment under the pointer. */
  declare together: string;

  readonly follow = new Follow(this, themes);
  private plot: uPlot | null = null;
  private drawnAs = '';
  private readonly sized = new ResizeObserver(() => this.fit());

  constructor() {
    super();
    this.height = 120;
    this.together = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.sized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sized.disconnect();
    this.plot?.destroy();
    this.plot = null;
    this.drawnAs = '';
  }

  override render() {
    const newest = this.lines.map((line, index) => {
      const value = this.data[index + 1]?.at(-1);
      return { ...line, words: value === null || value === undefined ? '–' : this.format(value) };
    });
    return html`<figure class="chart">
      <figcaption>
        <span class="chart-name">${this.name}</span>
        ${newest.map(
          ({ name, colour, words }) =>
            html`<span class="key" style="--key: var(${colour})">${name} <b>${words}</b></span>`,
        )}
      </figcaption>
      <div class="plot" aria-hidden="true" style="min-height: ${this.height}px"></div>
    </figure>`;
  }

  protected override updated(_changed: PropertyValues): void {
    if (this.data[0].length < LEAST_POINTS) return;
    const data = [this.data[0].map((ms) => ms / 1000), ...this.data.slice(1)] as uPlot.AlignedData;
    const style = getComputedStyle(this);
    const colours = this.lines.map(({ colour }) => resolved(this, colour));
    const drawnAs = [style.color, ...colours, this.height, language()].join();
    if (this.plot && drawnAs === this.drawnAs) {
      this.plot.setData(data);
      return;
    }
    this.drawnAs = drawnAs;
    this.plot?.destroy();
    const place = this.querySelector<HTMLElement>('.plot');
    if (place) this.plot = new uPlot(this.options(colours), data, place);
  }

  private options(colours: string[]): uPlot.Options {
    const soft = resolved(this, '--soft');
    const grid = { stroke: resolved(this, '--line'), width: 1 };
    const font = `12px ${getComputedStyle(this).fontFamily}`;
    const axis = { stroke: soft, grid, ticks: { show: false }, font, labelFont: font };
    return {
      width: Math.max(120, this.clientWidth),
      height: this.height,
      legend: { show: false },
      padding: [8, 30, 0, 0],
      cursor: {
        y: false,
        drag: { x: false, y: false },
        ...(this.together ? { sync: { key: this.together } } : {}),
      },
      scales: {
        x: { range: (_plot, from, to) => [Math.min(from, to - LEAST_S), to] },
        y: { range: (_plot, _least, most) => [0, Math.max(most || 0, 1) * 1.1] },
      },
      axes: [
        {
          ...axis,
          size: 24,
          space: 80,
          values: (_plot, splits) => splits.map((second) => clock(second * 1000, language())),
        },
        {
          ...axis,
          size: 76,
          space: 28,
          incrs: STEPS,
          values: (_plot, splits) => splits.map((value) => this.format(value)),
        },
      ],
      series: [
        {},
        ...this.lines.map(({ name }, index) => ({
          label: name,
          stroke: colours[index] ?? soft,
          width: 1.75,
          points: { show: false },
        })),
      ],
    };
  }

  private fit(): void {
    const width = Math.max(120, this.clientWidth);
    if (this.plot && this.plot.width !== width) this.plot.setSize({ width, height: this.height });
  }
}

/** What a variable of the style sheet comes to here; a canvas knows neither variables nor `light-dark()`. */
function resolved(near: HTMLElement, variable: string): string {
  const probe = document.createElement('i');
  probe.style.color = `var(${variable})`;
  probe.hidden = true;
  near.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

customElements.define('dash-chart', Chart);
