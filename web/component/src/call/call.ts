/**
 * The call: one OpenVidu session for the person, and a second one while the screen is shared. It knows nothing of
 * elements; who shows it listens to its events.
 */

import {
  type Connection,
  type ConnectionEvent,
  type ExceptionEvent,
  type NetworkQualityLevelChangedEvent,
  OpenVidu,
  type Event as OpenViduEvent,
  type PublisherSpeakingEvent,
  type RecordingEvent,
  type Session,
  type SessionDisconnectedEvent,
  type SignalEvent,
  type StreamEvent,
  type StreamPropertyChangedEvent,
} from 'openvidu-browser';
import type { Ending } from '../api';
import type { Say } from '../texts';
import { offersBackgrounds } from './background';
import { release, type Wanted } from './devices';
import { Emitter } from './emitter';
import { reason } from './failure';
import { Listener } from './listener';
import { Media } from './media';
import { dataOf, newParticipant, type Participant, readData } from './participant';
import type { Places } from './place';
import { SharedScreen } from './screen';

/** Something somebody wrote. */
export interface Message {
  id: number;
  local: boolean;
  name: string;
  words: string;
  at: Date;
}

interface CallEvents {
  /** Something that is shown has changed. */
  change: () => void;
  /** Something worth a sentence for some seconds. */
  notice: (words: string, bad: boolean) => void;
  /** The connection to the server is broken (true) or whole again (false). */
  reconnecting: (broken: boolean) => void;
  /** Somebody says something, which may be corrected until it is final. */
  said: (id: string, name: string, words: string, final: boolean) => void;
  message: (message: Message) => void;
  ended: (why: Ending) => void;
}

/** The words of openvidu-browser. */
const endings: Record<string, Ending> = {
  disconnect: 'left',
  forceDisconnectByUser: 'removed',
  forceDisconnectByServer: 'removed',
  sessionClosedByServer: 'closed',
};

/** Types of signals: the first two are openvidu-angular's, too. */
const chat = 'chat';
const nickname = 'nicknameChanged';
const hand = 'hand';

/** So many messages are kept. */
const mostMessages = 500;

export class Call extends Emitter<CallEvents> {
  readonly participants = new Map<string, Participant>();
  readonly messages: Message[] = [];
  readonly media: Media;
  readonly session: Session;
  /** Of the recording that goes on. */
  recording: string | null = null;
  broadcasting = false;
  offersBackgrounds = false;
  /** Lets the person say how it was; `null`: nobody asks. */
  feedbackPass: string | null = null;
  /** Who spoke last, but for the person. */
  lastSpeaker: string | null = null;

  private readonly openvidu = newOpenVidu();
  private readonly listener: Listener;
  private readonly participantId = crypto.getRandomValues(new Uint32Array(4)).join('-');
  private name = '';
  private places: Places | null = null;
  private me: string | null = null;
  private screen: SharedScreen | null = null;
  private screenStarting = false;
  /** Whose pictures are seen; `null`: everybody's. */
  private seen: Set<string> | null = null;
  /** Streams that are received, and whether with their pictures. */
  private readonly received = new Map<string, boolean>();
  private connecting = false;
  private over = false;

  constructor(
    private readonly words: () => Say,
    wanted: Wanted,
  ) {
    super();
    this.session = this.openvidu.initSession();
    this.media = new Media(
      {
        openvidu: this.openvidu,
        say: (...text) => this.say(...text),
        changed: () => this.refreshLocal(),
        trouble: (words) => this.emit('notice', words, true),
        speaking: (on) => this.mark(this.me, on),
        publish: async (publisher) => {
          if (this.me) await this.session.publish(publisher);
        },
        unpublish: async (publisher) => {
          if (this.me) await this.session.unpublish(publisher).catch(() => {});
        },
      },
      wanted,
    );
    this.listener = new Listener(
      this.session,
      (id, said, final) =>
        this.emit('said', id, this.participants.get(id)?.name ?? this.say('someone'), said, final),
      (why) => this.emit('notice', this.say('captionsFailed', { why }), true),
    );
    this.listenToPeople();
    this.listenToStreams();
    this.listenToSignals();
    this.listenToSession();
  }

  static get supported(): boolean {
    return new OpenVidu().checkSystemRequirements();
  }

  /**
   * Enters the room, calls `entered`, and publishes what was opened. Who has not yet answered the
   * browser's question is in the room already and seen and heard from the answer on.
   */
  async join(places: Places, name: string, entered: () => void): Promise<void> {
    this.name = name;
    this.places = places;
    const { token, languages, feedback } = await places.person();
    if (this.over) return;
    this.media.token = token;
    this.feedbackPass = feedback ?? null;
    this.offersBackgrounds = offersBackgrounds(token);
    this.listener.languages = languages ?? [];
    this.connecting = true;
    try {
      await this.session.connect(token, dataOf(this.participantId, name, false));
    } catch (error) {
      throw new Error(this.say('joinFailed', { why: reason(error) }));
    }
    if (this.over) return this.session.disconnect();
    this.me = this.session.connection.connectionId;
    this.participants.set(this.me, { ...newParticipant(this.me, name), local: true });
    this.refreshLocal();
    entered();
    await this.media.settled();
    await this.publish();
  }

  /** Leaves the room and frees the devices. Also fit for a call that never joined. */
  leave(): void {
    this.over = true;
    this.screen?.stop();
    if (this.me) this.session.disconnect();
    // After a refused join the library's socket would stay open and keep pinging.
    else if (this.connecting) this.openvidu.closeWs();
    this.media.close();
  }

  get sharing(): boolean {
    return this.screen !== null;
  }

  get canShare(): boolean {
    return this.places?.screen != null;
  }

  get isModerator(): boolean {
    return this.me !== null && this.session.connection?.role === 'MODERATOR';
  }

  get self(): Participant | null {
    return (this.me && this.participants.get(this.me)) || null;
  }

  /** Whether the server writes down what is said. */
  get canCaption(): boolean {
    return this.listener.languages.length > 0;
  }

  get captioning(): boolean {
    return this.listener.language !== null;
  }

  /** Reads what the others say, or no longer. */
  toggleCaptions(): void {
    this.listener.toggle();
    this.emit('change');
  }

  async toggleScreen(): Promise<void> {
    if (this.screenStarting) return;
    if (this.screen) return this.screen.stop();
    this.screenStarting = true;
    try {
      await this.startScreen();
    } finally {
      this.screenStarting = false;
      this.emit('change');
    }
  }

  /** To everybody, and back to the person, who sees by it that it was sent. */
  async write(words: string): Promise<boolean> {
    const data = JSON.stringify({ message: words, nickname: this.name });
    try {
      await this.session.signal({ type: chat, data });
      return true;
    } catch (error) {
      this.emit('notice', this.say('chatFailed', { why: reason(error) }), true);
      return false;
    }
  }

  async toggleHand(): Promise<void> {
    if (!this.self) return;
    const raised = !this.self.hand;
    this.change(this.self.id, { hand: raised });
    await this.tellHand(raised).catch(() => {});
  }

  /** Pictures of others than these need not be sent; they go on being heard. */
  show(seen: Set<string>): void {
    this.seen = seen;
    for (const participant of this.participants.values()) this.wantPicture(participant);
  }

  /** What others hear does not change. */
  silence(id: string, silenced: boolean): void {
    this.change(id, { silenced });
  }

  /** For moderators. */
  async remove(id: string): Promise<void> {
    const connection = this.session.remoteConnections.get(id);
    if (!connection) return;
    try {
      await this.session.forceDisconnect(connection);
    } catch (error) {
      const values = { name: this.participants.get(id)?.name ?? '', why: reason(error) };
      this.emit('notice', this.say('removeFailed', values), true);
    }
  }

  /** openvidu-browser itself would only hide the picture; Madang sends it no longer. Other servers refuse, and go on. */
  private wantPicture({ id, local, stream }: Participant): void {
    const sender = stream?.stream.streamId;
    const value = this.seen?.has(id) ?? true;
    if (local || !sender || this.received.get(sender) !== !value) return;
    this.received.set(sender, value);
    this.openvidu.sendRequest('subscribeToVideo', { sender, value }, () => {});
  }

  private say(...text: Parameters<Say>): string {
    return this.words()(...text);
  }

  private async publish(): Promise<void> {
    const { publisher } = this.media;
    if (!publisher || !this.me) return;
    try {
      await this.session.publish(publisher);
    } catch (error) {
      this.emit('notice', this.say('publishFailed', { why: reason(error) }), true);
    }
    this.refreshLocal();
  }

  private async startScreen(): Promise<void> {
    const { places } = this;
    if (!places?.screen) return;
    try {
      const openvidu = newOpenVidu();
      const publisher = await SharedScreen.pick(openvidu);
      if (this.over) return release(publisher);
      const data = dataOf(this.participantId, this.name, true);
      const screen = await SharedScreen.publish(openvidu, publisher, places.screen, data, () => {
        if (this.screen) this.participants.delete(this.screen.id);
        this.screen = null;
        this.emit('change');
      });
      if (screen.isOver) return;
      this.screen = screen;
      if (this.over) return screen.stop();
      this.participants.set(screen.id, {
        ...newParticipant(screen.id, this.name),
        local: true,
        screen: true,
        stream: screen.publisher,
        camera: true,
        microphone: true,
      });
    } catch (error) {
      const { name } = error as { name: string };
      const denied = name === 'SCREEN_CAPTURE_DENIED' || name === 'DEVICE_ACCESS_DENIED';
      const words = denied
        ? this.say('screenDenied')
        : this.say('screenFailed', { why: reason(error) });
      this.emit('notice', words, !denied);
    }
  }

  private listenToPeople(): void {
    const { session } = this;
    session.on('connectionCreated', ({ connection }: ConnectionEvent) => {
      const { name, screen, participantId } = readData(connection, this.say('someone'));
      // My own connections have their entries already, or get them when `connect` resolves.
      if (!connection.remoteOptions || participantId === this.participantId) return;
      const { connectionId: id } = connection;
      this.participants.set(id, { ...newParticipant(id, name), screen });
      if (!screen && this.me) this.emit('notice', this.say('joined', { name }), false);
      // Who comes later knows of raised hands, too.
      if (!screen && this.self?.hand) void this.tellHand(true, connection).catch(() => {});
      this.emit('change');
    });

    session.on('connectionDestroyed', ({ connection }: ConnectionEvent) => {
      const gone = this.participants.get(connection.connectionId);
      if (!gone || gone.local) return;
      this.participants.delete(gone.id);
      if (!gone.screen) this.emit('notice', this.say('left', { name: gone.name }), false);
      this.emit('change');
    });

    // The person's own stream belongs to no connection until it is published.
    const speaking = (on: boolean) => (event: PublisherSpeakingEvent) =>
      this.mark(event.connection?.connectionId ?? null, on);
    session.on('publisherStartSpeaking', speaking(true));
    session.on('publisherStopSpeaking', speaking(false));

    session.on('networkQualityLevelChanged', (event: NetworkQualityLevelChangedEvent) =>
      this.change(event.connection.connectionId, { quality: event.newValue }),
    );
  }

  private listenToStreams(): void {
    const { session } = this;
    session.on('streamCreated', ({ stream }: StreamEvent) => {
      const participant = this.remote(stream.connection);
      if (!participant) return;
      const subscriber = session.subscribe(stream, undefined, (error) => {
        if (!error) return this.isReceived(stream.streamId, participant.id);
        const values = { name: participant.name, why: reason(error) };
        this.emit('notice', this.say('subscribeFailed', values), true);
      });
      if (stream.hasAudio) this.listener.add(stream);
      this.change(participant.id, {
        stream: subscriber,
        microphone: stream.hasAudio && stream.audioActive !== false,
        camera: stream.hasVideo && stream.videoActive !== false,
      });
    });

    session.on('streamDestroyed', ({ stream }: StreamEvent) => {
      this.listener.remove(stream);
      this.received.delete(stream.streamId);
      const participant = this.remote(stream.connection);
      if (!participant) return;
      const nothing = { stream: null, microphone: false, camera: false, speaking: false };
      this.change(participant.id, nothing);
    });

    session.on('streamPropertyChanged', (event: OpenViduEvent) => {
      const { stream, changedProperty, newValue } = event as StreamPropertyChangedEvent;
      const participant = this.remote(stream.connection);
      if (!participant) return;
      const isOn = Boolean(newValue);
      if (changedProperty === 'audioActive') this.change(participant.id, { microphone: isOn });
      if (changedProperty === 'videoActive') this.change(participant.id, { camera: isOn });
    });
  }

  private isReceived(streamId: string, id: string): void {
    this.received.set(streamId, true);
    const participant = this.participants.get(id);
    if (participant) this.wantPicture(participant);
  }

  private listenToSignals(): void {
    const { session } = this;
    session.on(`signal:${chat}`, ({ from, data }: SignalEvent) => {
      const told = parsed(data);
      const words = typeof told.message === 'string' ? told.message : (data ?? '');
      if (!words) return;
      // An application says things by REST, from nobody.
      const known = from && this.participants.get(from.connectionId)?.name;
      const message: Message = {
        id: (this.messages.at(-1)?.id ?? 0) + 1,
        local: from?.connectionId === this.me,
        name: known || String(told.nickname || this.say('someone')),
        words,
        at: new Date(),
      };
      this.messages.push(message);
      if (this.messages.length > mostMessages) this.messages.shift();
      this.emit('message', message);
      this.emit('change');
    });

    session.on(`signal:${nickname}`, ({ from, data }: SignalEvent) => {
      const { clientData } = parsed(data);
      if (!from || typeof clientData !== 'string' || !clientData) return;
      if (this.remote(from)) this.change(from.connectionId, { name: clientData });
    });

    session.on(`signal:${hand}`, ({ from, data }: SignalEvent) => {
      const participant = from && this.remote(from);
      if (!participant) return;
      const raised = parsed(data).raised === true;
      if (raised && !participant.hand) {
        this.emit('notice', this.say('raisedHand', { name: participant.name }), false);
      }
      this.change(participant.id, { hand: raised });
    });
  }

  private listenToSession(): void {
    const { session } = this;
    session.on('recordingStarted', ({ id }: RecordingEvent) => {
      this.recording = id;
      this.emit('notice', this.say('recordingNow'), false);
      this.emit('change');
    });
    session.on('recordingStopped', () => {
      this.recording = null;
      this.emit('notice', this.say('recordingOver'), false);
      this.emit('change');
    });
    for (const [name, on] of [
      ['broadcastStarted', true],
      ['broadcastStopped', false],
    ] as const) {
      session.on(name, () => {
        this.broadcasting = on;
        this.emit('change');
      });
    }
    session.on('reconnecting', () => this.emit('reconnecting', true));
    session.on('reconnected', () => this.emit('reconnecting', false));
    session.on('sessionDisconnected', ({ reason: why }: SessionDisconnectedEvent) => {
      this.me = null;
      this.connecting = false;
      this.leave();
      this.participants.clear();
      this.emit('ended', endings[why] ?? 'lost');
    });
    session.on('exception', (event: ExceptionEvent) => {
      if (event.name === 'ICE_CONNECTION_FAILED')
        this.emit('notice', this.say('mediaFailed'), true);
    });
  }

  private tellHand(raised: boolean, to?: Connection): Promise<void> {
    return this.session.signal({
      type: hand,
      data: JSON.stringify({ raised }),
      to: to ? [to] : undefined,
    });
  }

  private remote(connection: Connection | undefined): Participant | null {
    const participant = connection && this.participants.get(connection.connectionId);
    return participant && !participant.local ? participant : null;
  }

  private change(id: string, changes: Partial<Participant>): void {
    const participant = this.participants.get(id);
    if (!participant) return;
    const keys = Object.keys(changes) as (keyof Participant)[];
    if (keys.every((key) => participant[key] === changes[key])) return;
    this.participants.set(id, { ...participant, ...changes });
    this.emit('change');
  }

  private mark(id: string | null, speaking: boolean): void {
    if (!id) return;
    if (speaking && id !== this.me) this.lastSpeaker = id;
    this.change(id, { speaking });
  }

  private refreshLocal(): void {
    const { publisher: stream, microphoneOn: microphone, cameraOn: camera } = this.media;
    if (this.me) this.change(this.me, { stream, microphone, camera });
    this.emit('change');
  }
}

function newOpenVidu(): OpenVidu {
  const openvidu = new OpenVidu();
  openvidu.enableProdMode();
  openvidu.setAdvancedConfiguration({
    publisherSpeakingEventsOptions: { interval: 120, threshold: -50 },
  });
  return openvidu;
}

/** Anybody may send anything. */
function parsed(data: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(data ?? '');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
