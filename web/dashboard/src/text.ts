/** The words of the page in the chosen language, and which language that is. */

import { en } from './texts/en';
import { ko } from './texts/ko';

export type Language = 'en' | 'ko';
export type Text = keyof typeof en;

const KEPT = 'madang.language';
const all: Record<Language, Record<Text, string>> = { en, ko };

/** Fires `change`. */
export const languages = new EventTarget();

let chosen: Language = 'en';

/** What was chosen here before, otherwise what the browser prefers. */
export function preferred(kept: string | null, browser: readonly string[]): Language {
  if (kept === 'en' || kept === 'ko') return kept;
  return browser.some((tag) => tag.toLowerCase().startsWith('ko')) ? 'ko' : 'en';
}

export const language = (): Language => chosen;

export function setLanguage(wanted: Language, keep = true): void {
  chosen = wanted;
  document.documentElement.lang = wanted;
  if (keep) localStorage.setItem(KEPT, wanted);
  languages.dispatchEvent(new Event('change'));
}

export function startLanguage(): void {
  setLanguage(preferred(localStorage.getItem(KEPT), navigator.languages), false);
}

/** `{name}` in a text is replaced by that value. */
export function text(key: Text, values?: Record<string, string | number>): string {
  const words = all[chosen][key];
  if (values === undefined) return words;
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** A word for something the server names by a code; the code itself if the page has none. */
export function worded(prefix: string, code: string): string {
  const key = prefix + code;
  return key in en ? text(key as Text) : code;
}
