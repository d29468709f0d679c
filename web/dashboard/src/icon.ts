/** Line drawings in the colour of the text around them; hidden from screen readers, the words are beside them. */

import { html, svg, type TemplateResult } from 'lit';
import type { Level } from './protocol';

const paths = {
  bad: svg`<circle cx="12" cy="12" r="9"/><path d="m8.500 8.500 7 7m0-7-7 7"/>`,
  warning: svg`<path d="M12 4 2.800 19.500h18.400zM12 10v4.500M12 17.200v.1"/>`,
  info: svg`<circle cx="12" cy="12" r="9"/><path d="M12 11v5.500M12 7.500v.1"/>`,
  check: svg`<circle cx="12" cy="12" r="9"/><path d="m8 12.500 3 3 5-6.500"/>`,
  people: svg`<circle cx="9" cy="8.500" r="3.200"/><path d="M3 19c.4-3.300 2.900-5.200 6-5.200s5.600 1.900 6 5.200M15.500 5.600a3.200 3.200 0 0 1 0 5.800M17.500 14.300c1.900.7 3.200 2.300 3.500 4.700"/>`,
  microphone: svg`<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.500 11.500a6.500 6.500 0 0 0 13 0M12 18v3"/>`,
  microphoneOff: svg`<path d="M9 9v2a3 3 0 0 0 4.600 2.500M15 10V6a3 3 0 0 0-5.800-1.100M5.500 11.500a6.500 6.500 0 0 0 10 5.500M12 18v3M4 4l16 16"/>`,
  camera: svg`<rect x="3" y="6.500" width="12" height="11" rx="2.500"/><path d="m15 11 6-3.500v9L15 13"/>`,
  cameraOff: svg`<path d="M11 6.500h1.500A2.500 2.500 0 0 1 15 9v2l6-3.500v9l-3-1.700M15 15a2.500 2.500 0 0 1-2.500 2.500h-7A2.500 2.500 0 0 1 3 15V9a2.500 2.500 0 0 1 2.200-2.500M4 4l16 16"/>`,
  screen: svg`<rect x="3" y="4.500" width="18" height="12" rx="2"/><path d="M9 20.500h6M12 16.500v4"/>`,
  record: svg`<circle cx="12" cy="12" r="8.500"/><circle cx="12" cy="12" r="3.500" fill="currentColor"/>`,
  broadcast: svg`<circle cx="12" cy="12" r="2"/><path d="M8 16a5.600 5.600 0 0 1 0-8M16 8a5.600 5.600 0 0 1 0 8M5.200 18.800a9.600 9.600 0 0 1 0-13.600M18.800 5.200a9.600 9.600 0 0 1 0 13.600"/>`,
  theme: svg`<circle cx="12" cy="12" r="8.500"/><path d="M12 3.500a8.500 8.500 0 0 1 0 17z" fill="currentColor"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  back: svg`<path d="m14.500 5-7 7 7 7"/>`,
} as const;

export type Icon = keyof typeof paths;

export const icon = (name: Icon): TemplateResult =>
  html`<svg viewBox="0 0 24 24" aria-hidden="true" class="icon">${paths[name]}</svg>`;

/** A level as a sign with its colour. */
export const levelIcon = (level: Level): TemplateResult =>
  html`<span class="level ${level}">${icon(level)}</span>`;
