/**
 * `<madang-call>`: a lobby, a call, and what comes after it. It keeps what is open and who was told what; what is shown
 * stands in `views/`, and the call itself, which knows nothing of elements, in `call/`.
 */

import { html, LitElement, nothing, type PropertyValues, unsafeCSS } from 'lit';
import type { CallEventDetails, CallOptions, Ending, Layout, OpenViduSession } from './api';
import { Call } from './call/call';
import { reason } from './call/failure';
import { givenPlaces, type Places, roomPlaces } from './call/place';
import { post } from './post';
import { defaults, isOn, properties, tokensOf } from './properties';
import { sendFeedback } from './sdk';
import style from './style/style.css?inline';
import { type Language, languageOf, type Say, speaking } from './texts';
import { buttons, type Shown } from './views/buttons';
import { Captions } from './views/captions';
import { inCall } from './views/in-call';
import type { Send } from './views/left';
import './views/left';
import './views/lobby';
import type { Joining } from './views/lobby';
import { Notices } from './views/notices';
import { type Action, keys } from './views/toolbar';

const nameKey = 'madang.name';

/** Applications that listen to these start recordings and broadcasts themselves. */
const recordingEvents = [
  'onToolbarStartRecordingClicked',
  'onActivitiesPanelStartRecordingClicked',
];
const broadcastEvent = 'onActivitiesPanelStartBroadcastingClicked';

type Screen = 'nothing' | 'lobby' | 'coming' | 'call' | 'left';

export interface MadangCall extends Omit<CallOptions, 'lang'> {}

// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: Lit makes the properties that the table lists.
export class MadangCall extends LitElement {
  static override properties = properties;
  static override styles = unsafeCSS(style);
  static override shadowRootOptions: ShadowRootInit = { mode: 'open', delegatesFocus: false };

  private call: Call | null = null;
  private screen: Screen = 'nothing';
  private why: Ending = 'left';
  private panel: Action | null = null;
  private pinned: string | null = null;
  private shownLayout: Layout = 'grid';
  private unread = 0;
  private trouble: string | null = null;
  private joined: Joining | null = null;
  private revision = 0;
  private opener: HTMLElement | null = null;
  private recordingError: unknown = null;
  private readonly heard = new Set<string>();
  private say: Say = speaking('en');
  private language: Language = 'en';
  private readonly notices = new Notices(() => this.requestUpdate());
  private readonly captions = new Captions(() => this.requestUpdate());

  private readonly onKey = (event: KeyboardEvent) => this.key(event);
  private readonly onFullscreen = () => this.requestUpdate();
  // A closed tab leaves at once instead of after the server's grace.
  private readonly onHide = () => this.call?.leave();
  private readonly pressed = (action: Action) => void this.press(action);

  constructor() {
    super();
    Object.assign(this, defaults);
  }

  /** openvidu-browser's session, once there is one. */
  get session(): OpenViduSession | null {
    return (this.call?.session as unknown as OpenViduSession) ?? null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    document.addEventListener('keydown', this.onKey);
    document.addEventListener('fullscreenchange', this.onFullscreen);
    window.addEventListener('pagehide', this.onHide);
    if (this.hasUpdated && !this.call) this.begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    // Who moves it in the document puts it back at once.
    queueMicrotask(() => {
      if (this.isConnected) return;
      document.removeEventListener('keydown', this.onKey);
      document.removeEventListener('fullscreenchange', this.onFullscreen);
      window.removeEventListener('pagehide', this.onHide);
      this.end();
      this.screen = 'nothing';
    });
  }

  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener as EventListener, options);
    this.heard.add(type);
    if (this.hasUpdated) this.requestUpdate();
  }

  /** As if the person had pressed the button for it. */
  async join(): Promise<void> {
    if (this.screen !== 'lobby') return;
    await this.enter({ room: this.room ?? '', name: this.rememberedName() });
  }

  leave(): void {
    this.call?.leave();
  }

  disconnect(): void {
    this.leave();
  }

  protected override willUpdate(changed: PropertyValues): void {
    const language = languageOf(this.lang || this.closest('[lang]')?.getAttribute('lang'));
    if (language !== this.language || !this.hasUpdated) {
      this.language = language;
      this.say = speaking(language);
      if (this.hasUpdated) this.tell('onLangChanged', language);
    }
    if (changed.has('layout')) this.shownLayout = this.layout === 'speaker' ? 'speaker' : 'grid';
    const isOther = ['tokens', 'token', 'room', 'server'].some((name) => changed.has(name));
    // A call that goes on is not ended because somebody has tidied up their properties.
    if (isOther && this.screen !== 'call' && this.screen !== 'coming') this.begin();
    if (changed.has('tokens') && this.screen === 'call' && tokensOf(this.tokens)) this.begin();
  }

  protected override render() {
    return html`<div class="root" part="root" lang=${this.language}>
      ${this.notices.render()} ${this.shown()}
    </div>`;
  }

  private shown() {
    const { say, call } = this;
    switch (this.screen) {
      case 'lobby':
        return call ? this.lobby(call) : nothing;
      case 'call':
        return call ? this.inCall(call) : nothing;
      case 'coming':
        return html`<div class="coming" role="status">
          <span class="spinner"></span> ${say('joining')}
        </div>`;
      case 'left':
        return html`<madang-call-left .say=${say} .why=${this.why}
          .canRejoin=${!tokensOf(this.tokens ?? this.token)} .hasLobby=${isOn(this.prejoin)}
          .send=${call ? this.feedbackOf(call) : null}
          @rejoin=${() => this.again()} @home=${() => this.begin()}></madang-call-left>`;
      default:
        return nothing;
    }
  }

  /** Where what somebody says goes, if anybody wants to know. */
  private feedbackOf(call: Call): Send | null {
    const { feedbackEndpoint, server } = this;
    const { sessionId } = call.session;
    const pass = call.feedbackPass;
    if (!isOn(this.feedback)) return null;
    if (feedbackEndpoint) return (said) => post(feedbackEndpoint, { ...said, sessionId });
    return pass ? (said) => sendFeedback({ ...said, pass, server }) : null;
  }

  private lobby(call: Call) {
    const room = this.room ?? '';
    return html`<madang-call-lobby .say=${this.say} .call=${call} .revision=${this.revision}
      .name=${this.rememberedName()} .room=${room} .choosesRoom=${isOn(this.chooseRoom)}
      .linkOf=${this.inviteLink ? (room: string) => this.linkOf(room) : null}
      .trouble=${this.trouble} .joining=${this.joined !== null} .pressed=${this.pressed}
      @join=${({ detail }: CustomEvent<Joining>) => this.enter(detail)}></madang-call-lobby>`;
  }

  private inCall(call: Call) {
    return inCall({
      ...this.shownIn(call),
      revision: this.revision,
      roomName: this.joined?.room || call.session.sessionId || '',
      inviteLink: this.linkOf(this.joined?.room),
      pinned: this.pinned,
      captions: this.captions.render(),
      recordingError: this.recordingError,
      pressed: this.pressed,
      close: () => this.open(null),
      pin: (id) => this.pin(id),
      blocked: (video) => this.askForClick(video),
      record: () => this.record('ActivitiesPanel'),
      tell: (name, detail) => this.tell(name, detail),
    });
  }

  private shownIn(call: Call): Shown {
    return {
      say: this.say,
      call,
      options: this,
      panel: this.panel,
      layout: this.shownLayout,
      fullscreen: document.fullscreenElement === this,
      unread: this.unread,
      inviteLink: this.inviteLink ?? '',
      canRecord:
        call.isModerator &&
        (!!this.recordingEndpoint || recordingEvents.some((name) => this.heard.has(name))),
      canBroadcast: call.isModerator && this.heard.has(broadcastEvent),
    };
  }

  /** A fresh call, as far as there is somewhere to go. */
  private begin(trouble: string | null = null): void {
    this.end();
    this.trouble = trouble;
    const given = tokensOf(this.tokens ?? this.token);
    if (!given && !this.room && !isOn(this.chooseRoom)) {
      this.screen = 'nothing';
      return;
    }
    const call = this.newCall();
    this.call = call;
    this.screen = 'lobby';
    if (!Call.supported) this.trouble = this.say('unsupported');
    this.tell('onSessionCreated', this.session as OpenViduSession);
    void call.media.open().then(() => {
      if (this.call !== call) return;
      this.tell('onParticipantCreated', { id: '', nickname: this.rememberedName(), local: true });
    });
    // After a failure the person shall see it.
    const isBare = !isOn(this.prejoin) && !trouble && (given || this.room);
    if (isBare) void this.enter({ room: this.room ?? '', name: this.rememberedName() });
  }

  private newCall(): Call {
    const call = new Call(() => this.say, {
      audio: !isOn(this.audioMuted),
      video: !isOn(this.videoMuted),
      resolution: this.streamResolution,
      frameRate: this.streamFrameRate,
    });
    call.on('change', () => {
      if (this.call !== call) return;
      this.revision += 1;
      if (!call.captioning) this.captions.clear();
      this.requestUpdate();
    });
    call.on('notice', (words, bad) => {
      if (this.screen === 'lobby') this.trouble = words;
      else this.notices.say(words, bad);
      this.requestUpdate();
    });
    call.on('reconnecting', (broken) => {
      this.notices.keep(broken ? this.say('reconnecting') : null);
      if (!broken) this.notices.say(this.say('reconnected'), false);
    });
    call.on('said', (...said) => this.captions.say(...said));
    call.on('message', ({ local, name, words }) => {
      if (local || this.panel === 'chat') return;
      this.unread += 1;
      this.notices.say(`${name}: ${words}`.slice(0, 140), false);
    });
    call.on('ended', (why) => this.over(call, why));
    return call;
  }

  private async enter(joining: Joining): Promise<void> {
    const { call } = this;
    if (!call || this.joined) return;
    const bare = !isOn(this.prejoin);
    const name = joining.name || this.say('someone');
    if (joining.name) remember(joining.name);
    this.joined = { ...joining, name };
    if (bare) this.screen = 'coming';
    else this.tell('onJoinButtonClicked', undefined);
    this.requestUpdate();
    try {
      await call.join(this.places(this.joined), name, () => {
        this.screen = 'call';
        this.trouble = null;
        const { sessionId } = call.session;
        this.tell('onJoined', { sessionId, room: joining.room, name });
        this.requestUpdate();
      });
    } catch (error) {
      if (this.call !== call) return;
      // A session that failed to connect is not used again.
      this.begin(reason(error));
      this.requestUpdate();
    }
  }

  private places({ room, name }: Joining): Places {
    const given = tokensOf(this.tokens ?? this.token);
    return given ? givenPlaces(given) : roomPlaces(this.server ?? '', room, name, () => this.say);
  }

  /** Into the same room once more, without the lobby. */
  private again(): void {
    const before = this.joined;
    this.begin();
    if (before && this.screen === 'lobby') void this.enter(before);
  }

  private over(call: Call, why: Ending): void {
    if (this.call !== call) return;
    this.why = why;
    this.screen = 'left';
    this.panel = null;
    this.notices.clear();
    this.captions.clear();
    if (document.fullscreenElement === this) void document.exitFullscreen();
    this.tell('onEnded', why);
    this.requestUpdate();
  }

  private end(): void {
    const { call } = this;
    this.call = null;
    call?.leave();
    Object.assign(this, { panel: null, pinned: null, unread: 0, joined: null });
    this.recordingError = null;
    this.notices.clear();
    this.captions.clear();
  }

  private async press(action: Action): Promise<void> {
    const { call } = this;
    if (!call) return;
    switch (action) {
      case 'microphone':
        this.tell('onToolbarMicrophoneButtonClicked', undefined);
        return call.media.toggleMicrophone();
      case 'camera':
        this.tell('onToolbarCameraButtonClicked', undefined);
        return call.media.toggleCamera();
      case 'screen':
        this.tell('onToolbarScreenshareButtonClicked', undefined);
        return call.toggleScreen();
      case 'hand':
        return call.toggleHand();
      case 'captions':
        return call.toggleCaptions();
      case 'layout':
        this.shownLayout = this.shownLayout === 'grid' ? 'speaker' : 'grid';
        this.pinned = null;
        return this.requestUpdate();
      case 'record':
        return this.record('Toolbar');
      case 'broadcast':
        return this.tell('onToolbarStopBroadcastingClicked', undefined);
      case 'fullscreen':
        this.tell('onToolbarFullscreenButtonClicked', undefined);
        return document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen();
      case 'leave':
        this.tell('onToolbarLeaveButtonClicked', undefined);
        return call.leave();
      case 'chat':
        this.tell('onToolbarChatPanelButtonClicked', undefined);
        break;
      case 'people':
        this.tell('onToolbarParticipantsPanelButtonClicked', undefined);
        break;
      case 'activities':
        this.tell('onToolbarActivitiesPanelButtonClicked', undefined);
        this.tell('onActivitiesPanelForceRecordingUpdate', undefined);
        break;
    }
    this.open(this.panel === action ? null : action);
  }

  /** Starts or stops a recording: by the address that is given, or by whoever listens. */
  private async record(from: 'Toolbar' | 'ActivitiesPanel'): Promise<void> {
    const { call } = this;
    if (!call) return;
    const action = call.recording === null ? 'start' : 'stop';
    const does = action === 'start' ? 'Start' : 'Stop';
    this.tell(`on${from}${does}RecordingClicked`, undefined);
    if (!this.recordingEndpoint) return;
    try {
      const recordingId = call.recording ?? undefined;
      const { sessionId } = call.session;
      await post(this.recordingEndpoint, { action, sessionId, recordingId });
      this.recordingError = null;
    } catch (error) {
      const words = this.say('recordingFailed', { why: reason(error) });
      this.recordingError = words;
      this.notices.say(words, true);
    }
    this.requestUpdate();
  }

  /** The focus goes into the panel, and back to where it was. */
  private open(which: Action | null): void {
    const active = this.renderRoot instanceof ShadowRoot ? this.renderRoot.activeElement : null;
    if (which && !this.panel) this.opener = active as HTMLElement | null;
    this.panel = which;
    if (which === 'chat') this.unread = 0;
    this.requestUpdate();
    void this.updateComplete.then(() => {
      const into = which === 'chat' ? '.panel input' : '.panel h2';
      const target = which ? this.renderRoot.querySelector<HTMLElement>(into) : this.opener;
      target?.focus({ preventScroll: true });
    });
  }

  private pin(id: string): void {
    this.pinned = this.pinned === id ? null : id;
    this.requestUpdate();
  }

  private key(event: KeyboardEvent): void {
    const [target] = event.composedPath() as Element[];
    const active = document.activeElement;
    const isOurs = active === this || active === document.body || !active;
    if (!isOurs || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === 'Escape' && this.panel) {
      this.open(null);
      return;
    }
    if (!isOn(this.shortcuts) || target.matches?.('input, textarea, select, [contenteditable]')) {
      return;
    }
    const action = keys[event.key.toLowerCase()];
    const { call } = this;
    if (!action || !call || event.shiftKey) return;
    const inLobby = action === 'microphone' || action === 'camera';
    if (this.screen === 'lobby' && inLobby) void this.press(action);
    if (this.screen !== 'call') return;
    // What has no button has no key either.
    if (buttons(this.shownIn(call)).some((button) => button.action === action)) {
      void this.press(action);
    }
  }

  /** Browsers play sound only after a click; a link opened straight into a call may lack one. */
  private askForClick(video: HTMLVideoElement): void {
    this.notices.keep(this.say('playBlocked'));
    const start = () => {
      this.notices.keep(null);
      void video.play().catch(() => {});
    };
    document.addEventListener('click', start, { once: true });
  }

  /** `{room}` in the address is the room's name. */
  private linkOf(room = this.room ?? ''): string {
    return (this.inviteLink ?? '').replace('{room}', () => encodeURIComponent(room));
  }

  private rememberedName(): string {
    return this.participantName || remembered();
  }

  private tell<Name extends keyof CallEventDetails>(
    name: Name,
    detail: CallEventDetails[NoInfer<Name>],
  ): void {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Some pages may store nothing. */
function remembered(): string {
  try {
    return localStorage.getItem(nameKey) ?? '';
  } catch {
    return '';
  }
}

function remember(name: string): void {
  try {
    localStorage.setItem(nameKey, name);
  } catch {}
}
