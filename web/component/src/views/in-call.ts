/** What is shown during the call: the line above it, the stage, the buttons, and the panel that is open. */

import { html, nothing, type TemplateResult } from 'lit';
import type { CallEventDetails } from '../api';
import { icon } from '../icons';
import { isOn } from '../properties';
import './backgrounds';
import { buttons, type Shown } from './buttons';
import './chat';
import './devices';
import { invite } from './invite';
import { activities, panel, people } from './panels';
import './stage';
import type { TileShows } from './tile';
import { type Action, type Button, line, type Pressed, round } from './toolbar';

export interface InCall extends Shown {
  /** Another one when something of the call has changed. */
  revision: number;
  roomName: string;
  pinned: string | null;
  captions: TemplateResult;
  recordingError: unknown;
  pressed: Pressed;
  close: () => void;
  pin: (id: string) => void;
  /** The browser does not play it before somebody clicks. */
  blocked: (video: HTMLVideoElement) => void;
  /** From the panel. */
  record: () => void;
  tell: <Name extends keyof CallEventDetails>(
    name: Name,
    detail: CallEventDetails[NoInfer<Name>],
  ) => void;
}

export function inCall(shown: InCall): TemplateResult {
  const { say, call, options, inviteLink } = shown;
  const participants = [...call.participants.values()];
  const all = participants.filter(({ screen }) => !screen).length;
  const words = say('participants', { n: all });
  return html`<section class="call ${shown.panel ? 'beside' : ''}" part="call">
    <header part="header">
      ${isOn(options.toolbarDisplayLogo) ? html`<slot name="logo"></slot>` : nothing}
      ${isOn(options.toolbarDisplaySessionName) ? html`<h1>${shown.roomName}</h1>` : nothing}
      <span class="count" role="img" title=${words} aria-label=${words}
        >${icon('people')}<span>${all}</span></span
      >
      ${
        call.recording !== null
          ? html`<span class="recording" role="img" aria-label=${say('recordingNow')}
              title=${say('recordingNow')}>REC</span>`
          : nothing
      }
      <slot name="header"></slot>
    </header>
    <div class="main">
      <madang-call-stage class="stage" part="stage" .say=${say} .participants=${participants}
        .mode=${shown.layout} .pinned=${shown.pinned} .lastSpeaker=${call.lastSpeaker}
        .speaker=${call.media.speaker} .shows=${tileShows(shown)}
        @visible=${({ detail }: CustomEvent<Set<string>>) => call.show(detail)}
        @pin=${({ detail }: CustomEvent<string>) => shown.pin(detail)}
        @blocked=${({ detail }: CustomEvent<HTMLVideoElement>) => shown.blocked(detail)}
      ></madang-call-stage>
      ${shown.captions}
      ${all < 2 ? html`<p class="alone">${say(inviteLink ? 'alone' : 'aloneHere')}</p>` : nothing}
    </div>
    ${shown.panel ? opened(shown, shown.panel) : nothing} ${toolbar(shown)}
  </section>`;
}

/** The same object for the same options: tiles are drawn again for another one. */
const shows = new Map<string, TileShows>();

function tileShows({ options }: InCall): TileShows {
  const name = isOn(options.streamDisplayParticipantName);
  const sound = isOn(options.streamDisplayAudioDetection);
  const buttons = isOn(options.streamSettingsButton) && !isOn(options.minimal);
  const key = `${name} ${sound} ${buttons}`;
  const known = shows.get(key) ?? { name, sound, buttons };
  shows.set(key, known);
  return known;
}

function toolbar(shown: InCall): TemplateResult {
  const { say, options, pressed } = shown;
  const offered = buttons(shown);
  const other: Button = {
    action: 'more',
    icon: 'more',
    words: say('more'),
    opens: true,
    on: shown.panel === 'more',
    first: true,
  };
  const leave: Button = { action: 'leave', icon: 'leave', words: say('leave'), first: true };
  return html`<div class="controls" part="toolbar" role="toolbar" aria-label=${say('call')}>
    ${offered.map((button) => round(button, pressed))}
    <slot name="toolbar-additional-panel-buttons"></slot>
    <slot name="toolbar-additional-buttons"></slot>
    ${offered.some(({ first }) => !first) ? round(other, pressed) : nothing}
    ${isOn(options.toolbarLeaveButton) ? round(leave, pressed) : nothing}
  </div>`;
}

function opened(shown: InCall, which: Action): unknown {
  const { say, call, revision, close } = shown;
  const { media } = call;
  switch (which) {
    case 'chat': {
      const chat = html`<madang-call-chat .say=${say} .call=${call}
        .count=${call.messages.at(-1)?.id ?? 0}></madang-call-chat>`;
      return panel(say, which, say('chat'), chat, close);
    }
    case 'people': {
      const canMute = isOn(shown.options.participantPanelItemMuteButton);
      return panel(say, which, say('people'), people(say, call, canMute), close);
    }
    case 'background': {
      const choice = html`<madang-call-backgrounds .say=${say} .media=${media}
        .revision=${revision}></madang-call-backgrounds>`;
      return panel(say, which, say('background'), choice, close);
    }
    case 'settings': {
      const devices = html`<madang-call-devices .say=${say} .media=${media}
          .revision=${revision}></madang-call-devices>
        <slot name="settings"></slot>`;
      return panel(say, which, say('settings'), devices, close);
    }
    case 'invite':
      return panel(say, which, say('invite'), invite(say, shown.inviteLink), close);
    case 'activities':
      return panel(say, which, say('activities'), activitiesOf(shown), close);
    case 'more': {
      const others = buttons(shown).filter(({ first }) => !first);
      const lines = others.map((button) => line(button, shown.pressed));
      return panel(say, which, say('more'), lines, close);
    }
    default:
      return nothing;
  }
}

function activitiesOf(shown: InCall): TemplateResult {
  const { say, call, options, tell } = shown;
  return activities(say, {
    recording: isOn(options.activitiesPanelRecordingActivity)
      ? {
          id: call.recording,
          canChange: shown.canRecord,
          list: options.recordingActivityRecordingsList ?? [],
          error: options.recordingActivityRecordingError ?? shown.recordingError,
          toggle: shown.record,
          play: (id) => tell('onActivitiesPanelPlayRecordingClicked', id),
          download: (id) => tell('onActivitiesPanelDownloadRecordingClicked', id),
          remove: (id) => tell('onActivitiesPanelDeleteRecordingClicked', id),
        }
      : null,
    broadcast:
      isOn(options.activitiesPanelBroadcastingActivity) && shown.canBroadcast
        ? {
            on: call.broadcasting,
            error: options.broadcastingActivityBroadcastingError,
            start: (url) => tell('onActivitiesPanelStartBroadcastingClicked', url),
            stop: () => tell('onActivitiesPanelStopBroadcastingClicked', undefined),
          }
        : null,
  });
}
