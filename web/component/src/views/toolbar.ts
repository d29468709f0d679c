/**
 * The buttons of the call. On narrow elements only the first ones are beside each other; the others are in a panel, as
 * lines with words.
 */

import { html, nothing, type TemplateResult } from 'lit';
import type { Call } from '../call/call';
import type { Icon } from '../icons';
import { icon } from '../icons';
import type { Say, Text } from '../texts';

/** What a button is for. */
export type Action =
  | 'microphone'
  | 'camera'
  | 'screen'
  | 'hand'
  | 'background'
  | 'captions'
  | 'layout'
  | 'record'
  | 'broadcast'
  | 'people'
  | 'chat'
  | 'activities'
  | 'invite'
  | 'settings'
  | 'fullscreen'
  | 'more'
  | 'leave';

export type Pressed = (action: Action) => void;

export interface Button {
  action: Action;
  icon: Icon;
  words: string;
  key?: string;
  /** Whether it is on; `undefined`: it does something and is not on or off. */
  on?: boolean;
  /** It opens a panel instead of switching something. */
  opens?: boolean;
  disabled?: boolean;
  /** Stays beside the first ones on narrow elements. */
  first?: boolean;
  badge?: string;
}

/** What shortcuts do. */
export const keys: Record<string, Action> = {
  m: 'microphone',
  v: 'camera',
  s: 'screen',
  h: 'hand',
  c: 'captions',
};

/** Something that is on or off, with words and perhaps a drawing for each. */
export function toggle(
  say: Say,
  action: Action,
  on: boolean,
  [turnOn, turnOff]: [Text, Text],
  [shownOn, shownOff]: [Icon, Icon],
): Button {
  const [key] = Object.entries(keys).find(([, does]) => does === action) ?? [];
  return { action, on, key, words: say(on ? turnOff : turnOn), icon: on ? shownOn : shownOff };
}

export function microphone(say: Say, { media }: Call): Button {
  const words: [Text, Text] = ['microphoneOn', 'microphoneOff'];
  const drawings: [Icon, Icon] = ['microphone', 'microphoneOff'];
  return {
    ...toggle(say, 'microphone', media.microphoneOn, words, drawings),
    first: true,
  };
}

export function camera(say: Say, { media }: Call): Button {
  const words: [Text, Text] = ['cameraOn', 'cameraOff'];
  return {
    ...toggle(say, 'camera', media.cameraOn, words, ['camera', 'cameraOff']),
    first: true,
  };
}

export const microphoneButton = (say: Say, call: Call, pressed: Pressed) =>
  round(microphone(say, call), pressed);
export const cameraButton = (say: Say, call: Call, pressed: Pressed) =>
  round(camera(say, call), pressed);

/** A round button. */
export function round(button: Button, pressed: Pressed): TemplateResult {
  const { action, words, key, on, opens, first, badge } = button;
  const title = key ? `${words} (${key.toUpperCase()})` : words;
  const label = badge ? `${words}, ${badge}` : words;
  return html`<button type="button" class="round ${action} ${first ? '' : 'extra'}"
    part="button ${action}-button" title=${title} aria-label=${label}
    aria-pressed=${on === undefined || opens ? nothing : String(on)}
    aria-expanded=${opens ? String(Boolean(on)) : nothing}
    ?disabled=${button.disabled}
    @click=${() => pressed(action)}>
    ${icon(button.icon)}${badge ? html`<span class="badge" aria-hidden="true"></span>` : nothing}
  </button>`;
}

/** The same as a line of the panel. */
export function line(button: Button, pressed: Pressed): TemplateResult {
  const { action, words, on, opens, disabled, badge } = button;
  return html`<button type="button" class="line" ?disabled=${disabled}
    aria-pressed=${on === undefined || opens ? nothing : String(on)}
    @click=${() => pressed(action)}>
    ${icon(button.icon)}<span>${words}</span>
    ${badge ? html`<span class="count">${badge}</span>` : nothing}
  </button>`;
}
