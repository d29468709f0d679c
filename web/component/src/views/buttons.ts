/** Which buttons there are in a call, and what they say at the moment. */

import type { CallOptions, Layout } from '../api';
import type { Call } from '../call/call';
import { canShareScreen } from '../call/devices';
import { isOn } from '../properties';
import type { Say } from '../texts';
import { type Action, type Button, camera, microphone, toggle } from './toolbar';

/** What the buttons show. */
export interface Shown {
  say: Say;
  call: Call;
  options: CallOptions;
  panel: Action | null;
  layout: Layout;
  fullscreen: boolean;
  unread: number;
  inviteLink: string;
  canRecord: boolean;
  canBroadcast: boolean;
}

export function buttons(shown: Shown): Button[] {
  const { say, call, options, panel } = shown;
  const has = (option: keyof CallOptions) => isOn(options[option]) && !isOn(options.minimal);
  const opens = (action: Button['action'], icon: Button['icon'], words: string): Button => ({
    action,
    icon,
    words,
    opens: true,
    on: panel === action,
  });
  const list: (Button | false | '')[] = [
    microphone(say, call),
    camera(say, call),
    has('toolbarScreenshareButton') &&
      call.canShare &&
      canShareScreen() && {
        ...toggle(say, 'screen', call.sharing, ['screenStart', 'screenStop'], ['screen', 'screen']),
        first: true,
      },
    has('toolbarHandButton') &&
      toggle(say, 'hand', !!call.self?.hand, ['handUp', 'handDown'], ['hand', 'hand']),
    has('toolbarBackgroundEffectsButton') &&
      call.offersBackgrounds && {
        ...opens('background', 'background', say('background')),
        // Without a picture there is nothing behind anybody.
        disabled: !call.media.cameraOn || call.media.changingBackground,
      },
    has('toolbarCaptionsButton') &&
      call.canCaption &&
      toggle(
        say,
        'captions',
        call.captioning,
        ['captionsOn', 'captionsOff'],
        ['captions', 'captions'],
      ),
    has('toolbarRecordingButton') &&
      shown.canRecord &&
      toggle(
        say,
        'record',
        call.recording !== null,
        ['recordingStart', 'recordingStop'],
        ['record', 'record'],
      ),
    has('toolbarBroadcastingButton') &&
      shown.canBroadcast &&
      call.broadcasting &&
      toggle(
        say,
        'broadcast',
        true,
        ['broadcastStart', 'broadcastStop'],
        ['broadcast', 'broadcast'],
      ),
    has('toolbarLayoutButton') &&
      toggle(
        say,
        'layout',
        shown.layout === 'speaker',
        ['layoutSpeaker', 'layoutGrid'],
        ['grid', 'speaker'],
      ),
    has('toolbarParticipantsPanelButton') && opens('people', 'people', say('people')),
    has('toolbarChatPanelButton') && {
      ...opens('chat', 'chat', say('chat')),
      first: true,
      badge: shown.unread ? say('unread', { n: shown.unread }) : '',
    },
    has('toolbarActivitiesPanelButton') &&
      hasActivities(shown) &&
      opens('activities', 'activities', say('activities')),
    shown.inviteLink && !isOn(options.minimal) && opens('invite', 'invite', say('invite')),
    has('toolbarFullscreenButton') &&
      document.fullscreenEnabled &&
      toggle(
        say,
        'fullscreen',
        shown.fullscreen,
        ['fullscreenOn', 'fullscreenOff'],
        ['fullscreen', 'fullscreen'],
      ),
    has('toolbarSettingsButton') && opens('settings', 'settings', say('settings')),
  ];
  return list.filter((button) => typeof button === 'object');
}

/** Whether there is something to be seen in that panel. */
export function hasActivities({ options, canRecord, canBroadcast }: Shown): boolean {
  return (
    (isOn(options.activitiesPanelRecordingActivity) &&
      (canRecord || !!options.recordingActivityRecordingsList?.length)) ||
    (isOn(options.activitiesPanelBroadcastingActivity) && canBroadcast)
  );
}
