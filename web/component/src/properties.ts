/** The element's properties: which there are, what they are at first, and how attributes are read. */

import type { PropertyDeclaration } from 'lit';
import type { CallOptions, Tokens } from './api';

/** On unless it is said that they are not. */
const on = [
  'prejoin',
  'shortcuts',
  'feedback',
  'toolbarScreenshareButton',
  'toolbarRecordingButton',
  'toolbarBroadcastingButton',
  'toolbarFullscreenButton',
  'toolbarBackgroundEffectsButton',
  'toolbarCaptionsButton',
  'toolbarSettingsButton',
  'toolbarLeaveButton',
  'toolbarHandButton',
  'toolbarLayoutButton',
  'toolbarChatPanelButton',
  'toolbarParticipantsPanelButton',
  'toolbarActivitiesPanelButton',
  'toolbarDisplayLogo',
  'toolbarDisplaySessionName',
  'streamDisplayParticipantName',
  'streamDisplayAudioDetection',
  'streamSettingsButton',
  'participantPanelItemMuteButton',
  'activitiesPanelRecordingActivity',
  'activitiesPanelBroadcastingActivity',
] as const;
const off = ['chooseRoom', 'minimal', 'videoMuted', 'audioMuted'] as const;
const texts = [
  'tokens',
  'token',
  'room',
  'server',
  'inviteLink',
  'participantName',
  'lang',
  'theme',
  'layout',
  'streamResolution',
  'recordingEndpoint',
  'feedbackEndpoint',
] as const;
const lists = ['recordingActivityRecordingsList'] as const;
const errors = [
  'recordingActivityRecordingError',
  'broadcastingActivityBroadcastingError',
] as const;

const hyphened = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** For Lit. Those that style sheets ask for are attributes whatever they were set by. */
export const properties: Record<string, PropertyDeclaration> = {
  ...Object.fromEntries(
    [...on, ...off, ...texts, ...errors].map((name) => [
      name,
      { attribute: hyphened(name), reflect: name === 'theme' },
    ]),
  ),
  ...Object.fromEntries(lists.map((name) => [name, { attribute: hyphened(name), type: Array }])),
  streamFrameRate: { attribute: 'stream-frame-rate', type: Number },
};

export const defaults: CallOptions = {
  ...Object.fromEntries(on.map((name) => [name, true])),
  ...Object.fromEntries(off.map((name) => [name, false])),
  layout: 'grid',
  theme: 'auto',
  recordingActivityRecordingsList: [],
};

/** An attribute without a value is on, as in HTML. */
export function isOn(value: unknown): boolean {
  return value === '' || (Boolean(value) && value !== 'false');
}

/** Of what an application has set, which may be JSON; `null`: nothing to come in by yet. */
export function tokensOf(value: string | Tokens | null | undefined): Tokens | null {
  if (typeof value !== 'string') return value?.webcam ? value : null;
  try {
    return tokensOf(JSON.parse(value) as Tokens);
  } catch {
    return value ? { webcam: value } : null;
  }
}
