/** What the address of the page sets: `/?room=garden&name=Ann&prejoin=false&video=off`. */

import type { CallOptions, Layout, Theme } from '../../component/src/api';

/** Only what it says something about. */
export function optionsOf(query: URLSearchParams): CallOptions {
  const options: CallOptions = {};
  const name = query.get('name')?.trim();
  if (name) options.participantName = name.slice(0, 64);
  if (isOff(query.get('prejoin'))) options.prejoin = false;
  if (isOff(query.get('audio'))) options.audioMuted = true;
  if (isOff(query.get('video'))) options.videoMuted = true;
  if (isOff(query.get('feedback'))) options.feedback = false;
  const lang = query.get('lang');
  if (lang) options.lang = lang;
  const layout = query.get('layout');
  if (layout === 'grid' || layout === 'speaker') options.layout = layout satisfies Layout;
  const theme = query.get('theme');
  if (theme === 'light' || theme === 'dark') options.theme = theme satisfies Theme;
  return options;
}

function isOff(value: string | null): boolean {
  return value === 'off' || value === 'false' || value === '0';
}
