/** Building elements in one expression; no state, no events of its own. */

type Child = Node | string | null | undefined | false;

/** Makes an element with attributes and children. `class` and `on…` listeners are given like attributes. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean | ((event: Event) => void)> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') {
      element.addEventListener(name.slice(2), value);
    } else if (typeof value === 'boolean') {
      element.toggleAttribute(name, value);
    } else {
      element.setAttribute(name, value);
    }
  }
  for (const child of children) {
    if (child) element.append(child);
  }
  return element;
}

const paths = {
  microphone:
    '<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>',
  microphoneOff:
    '<path d="M9 9v2a3 3 0 0 0 4.6 2.5M15 10V6a3 3 0 0 0-5.8-1.1M5.5 11.5a6.5 6.5 0 0 0 10 5.5M18.5 11.500a6.5 6.5 0 0 1-.8 3.100M12 18v3M4 4l16 16"/>',
  camera: '<rect x="3" y="6.5" width="12" height="11" rx="2.5"/><path d="m15 11 6-3.500v9L15 13"/>',
  cameraOff:
    '<path d="M11 6.500h1.500A2.5 2.5 0 0 1 15 9v2l6-3.500v9l-3-1.700M15 15a2.5 2.5 0 0 1-2.5 2.500h-7A2.5 2.5 0 0 1 3 15V9a2.5 2.5 0 0 1 2.2-2.500M4 4l16 16"/>',
  screen:
    '<rect x="3" y="4.5" width="18" height="12" rx="2"/><path d="M9 20.500h6M12 13.500v-6M9.2 10 12 7.2 14.8 10"/>',
  captions:
    '<rect x="3" y="5" width="18" height="14" rx="2.5"/><path d="M6.5 11h4M13 11h4.500M6.500 14.500h6.500M15.500 14.500h2"/>',
  leave:
    '<path d="M3.5 15.200c-.6-1.6-.5-3.2.6-4C8.7 7.9 15.3 7.9 19.9 11.200c1.1.8 1.2 2.4.6 4l-4.3-.9.1-2.400a11 11 0 0 0-8.6 0l.1 2.400z"/>',
  link: '<path d="M10 14a4 4 0 0 0 5.7 0l3.1-3.100a4 4 0 0 0-5.7-5.700L12 6.300M14 10a4 4 0 0 0-5.7 0l-3.1 3.100a4 4 0 0 0 5.7 5.700l1.1-1.1"/>',
  check: '<path d="m5 12.5 4.5 4.500L19 7.5"/>',
  people:
    '<circle cx="9" cy="8.5" r="3.2"/><path d="M3 19c.4-3.3 2.9-5.2 6-5.200s5.6 1.9 6 5.200M15.5 5.600a3.2 3.2 0 0 1 0 5.800M17.5 14.300c1.9.7 3.2 2.3 3.5 4.7"/>',
  background:
    '<rect x="3" y="4" width="18" height="16" rx="2.500"/><circle cx="12" cy="10.500" r="2.700"/><path d="M6.500 20c.4-3.200 2.600-5 5.500-5s5.100 1.800 5.500 5M3.500 9.500 8 5M16 4.500l4.500 4.500"/>',
  warning: '<path d="M12 4 2.8 19.500h18.400zM12 10v4.500M12 17.200v.1"/>',
};

/** The name of a drawing. */
export type Icon = keyof typeof paths;

/** A line drawing in the colour of the text around it; hidden from screen readers, the button has the words. */
export function icon(name: Icon): SVGSVGElement {
  const template = document.createElement('template');
  template.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true" class="icon">${paths[name]}</svg>`;
  return template.content.firstElementChild as SVGSVGElement;
}
