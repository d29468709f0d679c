/** The link to the room, and the same as a QR code. */

import { generate } from 'lean-qr';
import { html, svg, type TemplateResult } from 'lit';
import { guard } from 'lit/directives/guard.js';
import type { Say } from '../texts';
import './copy';

export function invite(say: Say, link: string): TemplateResult {
  return html`<div class="invitation">
    <p>${say('inviteHint')}</p>
    ${guard([link, say], () => code(link, say('inviteCode')))}
    <p class="link">${link}</p>
    <madang-call-copy .say=${say} .link=${link}></madang-call-copy>
  </div>`;
}

function code(link: string, words: string): TemplateResult {
  const squares = generate(link);
  const path: string[] = [];
  for (let y = 0; y < squares.size; y++) {
    for (let x = 0; x < squares.size; x++) {
      if (squares.get(x, y)) path.push(`M${x} ${y}h1v1h-1z`);
    }
  }
  // With the four modules of quiet around it that readers need.
  const size = squares.size + 8;
  return html`<svg class="code" role="img" aria-label=${words} viewBox="-4 -4 ${size} ${size}"
    shape-rendering="crispEdges">
    ${svg`<rect x="-4" y="-4" width=${size} height=${size} fill="#fff"/><path d=${path.join('')} fill="#000"/>`}
  </svg>`;
}
