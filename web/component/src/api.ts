/**
 * What applications see of `<madang-call>`: its attributes, properties, methods and events. Names that
 * `<openvidu-webcomponent>` has, too, mean the same here.
 */

/** Tokens of one participant; without one for the screen nothing is shared. */
export interface Tokens {
  webcam: string;
  screen?: string;
}

/** What lets somebody into a room. */
export interface Place {
  token: string;
  /** Languages in which the server writes down what is said. */
  languages?: string[];
  /** With this the participant may say how it was, if the server keeps that. */
  feedback?: string;
}

/** A recording that is shown in the panel of activities. */
export interface RecordingInfo {
  id?: string;
  name?: string;
  status?: string;
  /** Milliseconds since 1970. */
  createdAt?: number;
  /** Seconds. */
  duration?: number;
  size?: number | string;
  url?: string;
}

export type Layout = 'grid' | 'speaker';
export type Theme = 'auto' | 'light' | 'dark';

/** A switch as `<openvidu-webcomponent>` takes it; `'true'` and `'false'` are what attributes say. */
export type Switch = boolean | 'true' | 'false';

/** Properties; as attributes they are written with hyphens (`participant-name`). */
export interface CallOptions {
  /** Where the participant may come in: one token, or two. Other tokens begin a new call. */
  tokens?: string | Tokens | null;
  /** The same as `tokens`. */
  token?: string | Tokens | null;
  /** Instead of tokens: a room of the page for calls, for which a token is asked at `server`. */
  room?: string;
  /** Whether the person chooses the room; `room` is what is suggested. */
  chooseRoom?: Switch;
  /** The address of the server of `room`; that of the page if none is given. */
  server?: string;
  /** The address that others come in by: offered as a link and as a QR code. */
  inviteLink?: string;
  participantName?: string;
  /** `en` or `ko`; that of the browser if none is given. */
  lang?: string;
  theme?: Theme;
  layout?: Layout;
  /** Camera, microphone and leaving are the only buttons. */
  minimal?: Switch;
  /** Whether the person is asked before they come in. */
  prejoin?: Switch;
  videoMuted?: Switch;
  audioMuted?: Switch;
  /** Whether `m`, `v`, `s`, `c` and `h` do something while no field has the focus. */
  shortcuts?: Switch;
  /** `1280x720`, of the camera. */
  streamResolution?: string;
  streamFrameRate?: number;
  toolbarScreenshareButton?: Switch;
  toolbarRecordingButton?: Switch;
  toolbarBroadcastingButton?: Switch;
  toolbarFullscreenButton?: Switch;
  toolbarBackgroundEffectsButton?: Switch;
  toolbarCaptionsButton?: Switch;
  toolbarSettingsButton?: Switch;
  toolbarLeaveButton?: Switch;
  toolbarHandButton?: Switch;
  toolbarLayoutButton?: Switch;
  toolbarChatPanelButton?: Switch;
  toolbarParticipantsPanelButton?: Switch;
  toolbarActivitiesPanelButton?: Switch;
  toolbarDisplayLogo?: Switch;
  toolbarDisplaySessionName?: Switch;
  streamDisplayParticipantName?: Switch;
  streamDisplayAudioDetection?: Switch;
  /** The buttons on a picture. */
  streamSettingsButton?: Switch;
  participantPanelItemMuteButton?: Switch;
  activitiesPanelRecordingActivity?: Switch;
  activitiesPanelBroadcastingActivity?: Switch;
  recordingActivityRecordingsList?: RecordingInfo[];
  recordingActivityRecordingError?: unknown;
  broadcastingActivityBroadcastingError?: unknown;
  /**
   * Where moderators have recordings started and stopped: gets `POST` with
   * `{"action":"start"|"stop","sessionId":…,"recordingId":…}`. An application may listen to the events instead.
   */
  recordingEndpoint?: string;
  /**
   * Whether people are asked how it was after the call: where there is a `feedbackEndpoint`, or a `room` of a server that keeps
   * what they say.
   */
  feedback?: Switch;
  /** Where that is sent instead: `POST` with `{"stars":…,"words":…,"sessionId":…}`, `words` only if there are some. */
  feedbackEndpoint?: string;
}

/** Somebody in the call, as events tell of them. */
export interface ParticipantInfo {
  id: string;
  nickname: string;
  local: boolean;
}

/** The part of openvidu-browser's `Session` that applications mostly use; it is the whole object. */
export interface OpenViduSession {
  readonly sessionId: string;
  readonly connection: {
    readonly connectionId: string;
    readonly data: string;
    readonly role: string;
  };
  on(type: string, handler: (event: never) => void): unknown;
  off(type: string, handler?: (event: never) => void): unknown;
  signal(signal: { type?: string; data?: string; to?: never[] }): Promise<void>;
}

/** Why a call is over. */
export type Ending = 'left' | 'removed' | 'closed' | 'lost';

/** Each is a `CustomEvent` whose `detail` has this type. */
export interface CallEventDetails {
  onJoinButtonClicked: undefined;
  onToolbarLeaveButtonClicked: undefined;
  onToolbarCameraButtonClicked: undefined;
  onToolbarMicrophoneButtonClicked: undefined;
  onToolbarScreenshareButtonClicked: undefined;
  onToolbarFullscreenButtonClicked: undefined;
  onToolbarParticipantsPanelButtonClicked: undefined;
  onToolbarChatPanelButtonClicked: undefined;
  onToolbarActivitiesPanelButtonClicked: undefined;
  onToolbarStartRecordingClicked: undefined;
  onToolbarStopRecordingClicked: undefined;
  onToolbarStopBroadcastingClicked: undefined;
  onActivitiesPanelStartRecordingClicked: undefined;
  onActivitiesPanelStopRecordingClicked: undefined;
  /** The recording's id. */
  onActivitiesPanelDownloadRecordingClicked: string;
  onActivitiesPanelDeleteRecordingClicked: string;
  onActivitiesPanelPlayRecordingClicked: string;
  /** The panel was opened: the list may be old. */
  onActivitiesPanelForceRecordingUpdate: undefined;
  /** The address to send to. */
  onActivitiesPanelStartBroadcastingClicked: string;
  onActivitiesPanelStopBroadcastingClicked: undefined;
  onSessionCreated: OpenViduSession;
  onParticipantCreated: ParticipantInfo;
  onLangChanged: string;
  /** The person is in the call. */
  onJoined: { sessionId: string; room: string; name: string };
  onEnded: Ending;
}

type CallEvents = { [Name in keyof CallEventDetails]: CustomEvent<CallEventDetails[Name]> };

/** The element. */
export interface MadangCallElement extends HTMLElement, Omit<CallOptions, 'lang'> {
  lang: string;
  /** openvidu-browser's session, once there is one. */
  readonly session: OpenViduSession | null;
  /** As if the person had pressed the button for it. */
  join(): Promise<void>;
  leave(): void;
  /** The same as `leave`. */
  disconnect(): void;
  addEventListener<Name extends keyof CallEvents>(
    type: Name,
    listener: (event: CallEvents[Name]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

declare global {
  interface HTMLElementTagNameMap {
    'madang-call': MadangCallElement;
  }
}
