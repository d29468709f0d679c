/** Line drawings in the colour of the text around them; hidden from screen readers, the button has the words. */

import { html, type SVGTemplateResult, svg, type TemplateResult } from 'lit';

const drawings = {
  microphone: svg`<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>`,
  microphoneOff: svg`<path d="M9 9v2a3 3 0 0 0 4.6 2.5M15 10V6a3 3 0 0 0-5.8-1.1M5.5 11.5a6.5 6.5 0 0 0 10 5.5M18.5 11.500a6.5 6.5 0 0 1-.8 3.100M12 18v3M4 4l16 16"/>`,
  camera: svg`<rect x="3" y="6.5" width="12" height="11" rx="2.5"/><path d="m15 11 6-3.500v9L15 13"/>`,
  cameraOff: svg`<path d="M11 6.500h1.500A2.5 2.5 0 0 1 15 9v2l6-3.500v9l-3-1.700M15 15a2.5 2.5 0 0 1-2.5 2.500h-7A2.5 2.5 0 0 1 3 15V9a2.5 2.5 0 0 1 2.2-2.500M4 4l16 16"/>`,
  screen: svg`<rect x="3" y="4.5" width="18" height="12" rx="2"/><path d="M9 20.500h6M12 13.500v-6M9.2 10 12 7.2 14.8 10"/>`,
  captions: svg`<rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="M6.5 11h4M13 11h4.500M6.500 14.500h6.500M15.500 14.500h2"/>`,
  leave: svg`<path d="M3.5 15.200c-.6-1.6-.5-3.2.6-4C8.7 7.9 15.3 7.9 19.9 11.200c1.1.8 1.2 2.4.6 4l-4.3-.9.1-2.400a11 11 0 0 0-8.6 0l.1 2.400z"/>`,
  link: svg`<path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.100a4 4 0 0 0-5.7-5.700L12 6.300M14 10a4 4 0 0 0-5.7 0l-3.1 3.100a4 4 0 0 0 5.7 5.700l1.1-1.1"/>`,
  check: svg`<path d="m5 12.5 4.5 4.500L19 7.5"/>`,
  people: svg`<circle cx="9" cy="8.5" r="3.2"/><path d="M3 19c.4-3.3 2.9-5.2 6-5.200s5.6 1.9 6 5.200M15.5 5.600a3.2 3.2 0 0 1 0 5.800M17.5 14.300c1.9.7 3.2 2.3 3.5 4.7"/>`,
  invite: svg`<circle cx="10" cy="8.500" r="3.400"/><path d="M3.500 19.500c.4-3.500 3-5.600 6.500-5.600s6.100 2.100 6.500 5.600M18.500 7v6M15.500 10h6"/>`,
  background: svg`<rect x="3" y="4" width="18" height="16" rx="2.500"/><circle cx="12" cy="10.500" r="2.700"/><path d="M6.500 20c.4-3.200 2.600-5 5.500-5s5.100 1.800 5.500 5M3.500 9.500 8 5M16 4.500l4.500 4.500"/>`,
  warning: svg`<path d="M12 4 2.8 19.500h18.400zM12 10v4.500M12 17.200v.1"/>`,
  hand: svg`<path d="M8 12.500V6a1.500 1.500 0 0 1 3 0v5M11 10.500V4.500a1.500 1.500 0 0 1 3 0v6M14 11V6a1.500 1.500 0 0 1 3 0v8c0 4-2.300 6.500-5.800 6.500-2.600 0-4-1.200-5.200-3.300L4.300 14c-.9-1.600.9-3 2.200-1.700L8 13.800"/>`,
  chat: svg`<path d="M4 6.500A2.500 2.500 0 0 1 6.500 4h11A2.500 2.500 0 0 1 20 6.500v7a2.500 2.500 0 0 1-2.500 2.500H11l-4.500 4v-4A2.500 2.500 0 0 1 4 13.500z"/>`,
  record: svg`<circle cx="12" cy="12" r="8.500"/><circle cx="12" cy="12" r="3.500" fill="currentcolor"/>`,
  broadcast: svg`<circle cx="12" cy="12" r="2.200"/><path d="M8 16a5.700 5.700 0 0 1 0-8M16 8a5.700 5.700 0 0 1 0 8M5.200 18.800a9.600 9.600 0 0 1 0-13.600M18.800 5.200a9.600 9.600 0 0 1 0 13.600"/>`,
  activities: svg`<rect x="3.500" y="4" width="7" height="7" rx="1.800"/><rect x="13.500" y="4" width="7" height="7" rx="1.800"/><rect x="3.500" y="14" width="7" height="7" rx="1.800"/><path d="m15 15 5 2.700-5 2.800z"/>`,
  grid: svg`<rect x="3.500" y="4.500" width="7.500" height="6.500" rx="1.500"/><rect x="13" y="4.500" width="7.500" height="6.500" rx="1.500"/><rect x="3.500" y="13" width="7.500" height="6.500" rx="1.500"/><rect x="13" y="13" width="7.500" height="6.500" rx="1.500"/>`,
  speaker: svg`<rect x="3.500" y="4.500" width="11.500" height="15" rx="1.800"/><rect x="17.200" y="4.500" width="3.300" height="4" rx=".8"/><rect x="17.200" y="10" width="3.300" height="4" rx=".8"/><rect x="17.200" y="15.500" width="3.300" height="4" rx=".8"/>`,
  pin: svg`<path d="M9 3.500h6l-1 6 3.500 3.500h-11L10 9.500zM12 13v7.500"/>`,
  fullscreen: svg`<path d="M4 9V5.500A1.500 1.500 0 0 1 5.500 4H9M15 4h3.500A1.500 1.500 0 0 1 20 5.500V9M20 15v3.500a1.500 1.500 0 0 1-1.500 1.500H15M9 20H5.500A1.500 1.500 0 0 1 4 18.500V15"/>`,
  settings: svg`<path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2.200"/><circle cx="9" cy="17" r="2.200"/>`,
  previous: svg`<path d="m14.500 5.500-6.500 6.500 6.500 6.500"/>`,
  next: svg`<path d="m9.500 5.500 6.500 6.500-6.500 6.500"/>`,
  more: svg`<path d="M5.500 12h.01M12 12h.01M18.500 12h.01" stroke-width="3.200"/>`,
  close: svg`<path d="m6 6 12 12M18 6 6 18"/>`,
  send: svg`<path d="M4.500 12 20 4.500 15.500 20l-3.700-6.200z"/><path d="M11.800 13.800 20 4.500"/>`,
  sound: svg`<path d="M4 9.500h3.500L12 5.500v13l-4.500-4H4zM15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a7.700 7.700 0 0 1 0 11"/>`,
  soundOff: svg`<path d="M4 9.500h3.500L12 5.500v13l-4.500-4H4zM16 9.500l5 5M21 9.500l-5 5"/>`,
  star: svg`<path d="m12 3.800 2.500 5.300 5.800.8-4.200 4 1 5.800-5.100-2.800-5.100 2.800 1-5.800-4.200-4 5.800-.8z"/>`,
  play: svg`<path d="M7 4.500v15l12-7.500z"/>`,
  download: svg`<path d="M12 4v11M7.500 11 12 15.500 16.500 11M4.500 19.500h15"/>`,
  trash: svg`<path d="M4.500 7h15M9 7V4.500h6V7M6.500 7l1 13h9l1-13M10 11v5.500M14 11v5.500"/>`,
} satisfies Record<string, SVGTemplateResult>;

/** The name of a drawing. */
export type Icon = keyof typeof drawings;

export function icon(name: Icon): TemplateResult {
  return html`<svg viewBox="0 0 24 24" aria-hidden="true" class="icon">${drawings[name]}</svg>`;
}
