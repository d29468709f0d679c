/** Who sees whom: a row for each who receives, a column for each stream. Every cell is a colour, a sign and words. */

import { html, nothing } from 'lit';
import { guard } from 'lit/directives/guard.js';
import { type Cell, type Column, matrix, SIGNS, type Standing, standing, tone } from './legs';
import type { Participant } from './protocol';
import { text, worded } from './text';
import { View } from './view';

const LEGEND: Standing[] = [
  'asked',
  'negotiated',
  'reached',
  'connected',
  'flowing',
  'lossy',
  'paused',
  'off',
  'cut',
  'refused',
  'flowed',
  'empty',
];

class MatrixView extends View {
  static override properties = {
    people: { attribute: false },
    ended: { type: Boolean },
    gone: { state: true },
    at: { state: true },
    open: { attribute: false, hasChanged: () => false },
  };

  declare people: Participant[];
  /** Of a session that has ended all are gone, and shown. */
  declare ended: boolean;
  declare gone: boolean;
  /** Row and column of the cell that Tab leads to. */
  declare at: [number, number];
  declare open: (connection: string, stream: string) => void;

  constructor() {
    super();
    this.gone = false;
    this.at = [0, 0];
  }

  override render() {
    const { columns, rows } = matrix(this.people, this.gone || this.ended);
    const left = this.people.filter(({ leftAt }) => leftAt !== null).length;
    return html`<section aria-labelledby="matrix-title">
      <div class="bar">
        <h2 id="matrix-title">${text('whoSeesWhom')}</h2>
        ${
          left > 0 && !this.ended
            ? html`<label class="check"
                ><input
                  type="checkbox"
                  .checked=${this.gone}
                  @change=${(event: Event) => {
                    this.gone = (event.target as HTMLInputElement).checked;
                  }}
                />${text('showGone', { n: left })}</label
              >`
            : nothing
        }
      </div>
      ${
        columns.length === 0
          ? html`<p class="empty">${text('nobodyPublishes')}</p>`
          : html`<div class="card matrix">
                <table @keydown=${this.move}>
                  <thead>
                    <tr>
                      <th scope="col" class="corner">${text('receiverOverPublisher')}</th>
                      ${columns.map(
                        (column) =>
                          html`<th scope="col" title=${column.stream}>
                            <span class="slanted">${title(column)}</span>
                          </th>`,
                      )}
                    </tr>
                  </thead>
                  <tbody>
                    ${rows.map(
                      ({ person, cells }, row) => html`<tr>
                        <th scope="row">${person.name}</th>
                        ${cells.map((cell, column) => this.cell(cell, row, column))}
                      </tr>`,
                    )}
                  </tbody>
                </table>
              </div>
              ${legend()}`
      }
    </section>`;
  }

  private cell(cell: Cell, row: number, column: number) {
    const { leg, own, finding } = cell;
    if (leg === null) {
      return html`<td><span class="cell none" title=${text('noLeg')}>·<span class="offscreen">${text('noLeg')}</span></span></td>`;
    }
    const tab = this.at[0] === row && this.at[1] === column;
    const first = row === 0 && column === 0 && !this.known();
    const colour = tone(leg, finding);
    const stands = standing(leg);
    const { person } = cell;
    const other = title(cell.column);
    // There are hundreds, told anew each second, of which hardly one looks different then.
    return guard(
      [
        colour,
        stands,
        leg.pause,
        finding?.sentence,
        person.connection,
        person.name,
        other,
        leg.stream,
        tab || first,
      ],
      () => {
        const words = [
          own
            ? text('cellOwn', { name: person.name })
            : text('cellOther', { name: person.name, other }),
          text(`leg_${stands}`),
          ...(leg.pause === null ? [] : [worded('pause_', leg.pause)]),
          ...(finding ? [finding.sentence] : []),
        ].join('. ');
        const sign = SIGNS[stands];
        // Who speaks to the machine says what is to be seen; only digits can be said.
        const label = /\d/.test(sign) ? `${sign}: ${words}` : words;
        return html`<td>
          <button
            class="cell ${colour} ${own ? 'own' : ''}"
            title=${words}
            aria-label=${label}
            tabindex=${tab || first ? 0 : -1}
            data-at="${row} ${column}"
            data-receiver=${person.connection}
            data-stream=${leg.stream}
            data-leg=${stands}
            @click=${() => {
              this.at = [row, column];
              this.open(person.connection, leg.stream);
            }}
          >
            ${sign}
          </button>
        </td>`;
      },
    );
  }

  /** Whether the cell that Tab leads to is still there. */
  private known(): boolean {
    return this.querySelector(`[data-at="${this.at.join(' ')}"]`) !== null;
  }

  private readonly move = (event: KeyboardEvent) => {
    const steps: Record<string, [number, number]> = {
      ArrowDown: [1, 0],
      ArrowUp: [-1, 0],
      ArrowRight: [0, 1],
      ArrowLeft: [0, -1],
    };
    const step = steps[event.key];
    const from = (event.target as HTMLElement).dataset.at;
    if (!step || from === undefined) return;
    event.preventDefault();
    let [row = 0, column = 0] = from.split(' ').map(Number);
    // Over cells where there is nothing to open.
    for (let far = 0; far < 200; far += 1) {
      row += step[0];
      column += step[1];
      const next = this.querySelector<HTMLElement>(`[data-at="${row} ${column}"]`);
      if (!next) continue;
      this.at = [row, column];
      next.focus();
      return;
    }
  };
}

function title({ publisher, oneOfMany, leg }: Column): string {
  return oneOfMany ? `${publisher.name} (${worded('source_', leg.source)})` : publisher.name;
}

function legend() {
  const tones: Partial<Record<Standing, string>> = {
    flowing: 'good',
    cut: 'bad',
    refused: 'bad',
    paused: 'idle',
    off: 'idle',
    flowed: 'idle',
  };
  return html`<ul class="legend plain" aria-label=${text('legend')}>
    ${LEGEND.map(
      (stands) =>
        html`<li>
          <span class="cell ${tones[stands] ?? 'warning'}" aria-hidden="true">${SIGNS[stands]}</span>
          ${text(`leg_${stands}`)}
        </li>`,
    )}
  </ul>`;
}

customElements.define('dash-matrix', MatrixView);
