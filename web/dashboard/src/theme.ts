/** Light or dark: as the system has it, until something else is chosen. */

export type Theme = 'system' | 'light' | 'dark';

const KEPT = 'madang.theme';

/** Fires `change`, also when the system changes its mind. */
export const themes = new EventTarget();

export function theme(): Theme {
  const kept = localStorage.getItem(KEPT);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

export function startTheme(): void {
  show();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () =>
    themes.dispatchEvent(new Event('change')),
  );
}

/** The next one: system, light, dark, and so on. */
export function nextTheme(): void {
  const next: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
  localStorage.setItem(KEPT, next[theme()]);
  show();
}

function show(): void {
  // Not as a style of the element: what stands in for `light-dark()` in older browsers knows rules only.
  document.documentElement.dataset.theme = theme();
  themes.dispatchEvent(new Event('change'));
}
