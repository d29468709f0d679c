/**
 * The call: one OpenVidu session for the person, and a second one while the screen is shared, the
 * way OpenVidu applications do it: a connection publishes one stream at a time. It knows nothing of
 * the page; the page listens to its events.
 */

import {
  type ConnectionEvent,
  type ExceptionEvent,
  OpenVidu,
  type Event as OpenViduEvent,
  type Publisher,
  type PublisherSpeakingEvent,
  type Session,
  type SessionDisconnectedEvent,
  type StreamEvent,
  type StreamManager,
  type StreamPropertyChangedEvent,
} from 'openvidu-browser';
import { type Background, offersBackgrounds, setBackground } from './background';
import { openDevices, release } from './devices';
import { Listener } from './listener';
import { type Text, text } from './texts';
import { askForPlace } from './token';

/** Somebody in the room, or somebody's screen. */
export interface Participant {
  id: string;
  name: string;
  local: boolean;
  screen: boolean;
  stream: StreamManager | null;
  microphone: boolean;
  camera: boolean;
  speaking: boolean;
}

interface CallEvents {
  /** The list of participants or something about one of them changed. */
  change: () => void;
  /** Something worth a sentence for some seconds. */
  notice: (words: string, bad: boolean) => void;
  /** The connection to the server is broken (true) or whole again (false). */
  reconnecting: (broken: boolean) => void;
  /** Somebody says something, which may be corrected until it is final. */
  said: (id: string, name: string, words: string, final: boolean) => void;
  /** The call is over, with the reason in words. */
  ended: (why: string) => void;
}

/** What others learn about a connection, as JSON in its data. */
interface ConnectionData {
  clientData: string;
  /** On the connection that carries a screen: the connection of the person it belongs to. */
  screenOf?: string;
}

const endings: Record<string, Text> = {
  disconnect: 'leftRoom',
  forceDisconnectByUser: 'removed',
  forceDisconnectByServer: 'removed',
  sessionClosedByServer: 'closed',
};

export class Call {
  readonly participants = new Map<string, Participant>();
  publisher: Publisher | null = null;
  /** What stands behind the person. */
  background: Background = 'none';
  changingBackground = false;
  offersBackgrounds = false;

  private readonly openvidu = newOpenVidu();
  private readonly session: Session = this.openvidu.initSession();
  private readonly listener = new Listener(
    this.session,
    (id, words, final) =>
      this.events.said(id, this.participants.get(id)?.name ?? text('someone'), words, final),
    (why) => this.events.notice(text('captionsFailed', { why }), true),
  );
  private room = '';
  private name = '';
  private token = '';
  private me: string | null = null;
  private screen: { openvidu: OpenVidu; session: Session; publisher: Publisher } | null = null;
  private screenStarting = false;
  private cameraBusy = false;
  /** Until the browser and the person have decided about the devices. */
  private opening: Promise<void> | null = null;
  private connecting = false;
  private over = false;

  constructor(private readonly events: CallEvents) {
    this.listen();
  }

  static get supported(): boolean {
    return new OpenVidu().checkSystemRequirements();
  }

  /** Opens camera and microphone; the person sees themselves before joining. */
  openDevices(): Promise<void> {
    this.opening ??= this.open().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  /**
   * Enters the room, calls `entered`, and publishes what was opened. Who has not yet answered the
   * browser's question is in the room already and seen and heard from the answer on.
   */
  async join(room: string, name: string, entered: () => void): Promise<void> {
    this.room = room;
    this.name = name;
    const { token, languages } = await askForPlace(room, name);
    this.token = token;
    this.offersBackgrounds = offersBackgrounds(token);
    this.listener.languages = languages ?? [];
    const data: ConnectionData = { clientData: name };
    this.connecting = true;
    try {
      await this.session.connect(token, data);
    } catch (error) {
      throw new Error(text('joinFailed', { why: reason(error) }));
    }
    this.me = this.session.connection.connectionId;
    this.participants.set(this.me, {
      ...newParticipant(this.me, name),
      local: true,
      ...this.localState(),
    });
    entered();
    await this.opening;
    await this.publish();
  }

  /** Leaves the room and frees the devices. Also fit for a call that never joined. */
  leave(): void {
    this.over = true;
    this.stopScreen();
    if (this.me) this.session.disconnect();
    // After a refused join the library's socket would stay open and keep pinging.
    else if (this.connecting) this.openvidu.closeWs();
    release(this.publisher);
    this.publisher = null;
  }

  get microphoneOn(): boolean {
    return !!this.publisher?.stream.hasAudio && this.publisher.stream.audioActive;
  }

  get cameraOn(): boolean {
    return !!this.publisher?.stream.hasVideo && this.publisher.stream.videoActive;
  }

  get sharing(): boolean {
    return this.screen !== null;
  }

  /** Mutes or unmutes; opens the devices when there are none yet. */
  async toggleMicrophone(): Promise<void> {
    if (!this.publisher?.stream.hasAudio) return this.openAgain();
    this.publisher.publishAudio(!this.publisher.stream.audioActive);
    this.refreshLocal();
  }

  /** Off also frees the hardware, so that the camera's light goes out. */
  async toggleCamera(): Promise<void> {
    if (this.cameraBusy) return;
    this.cameraBusy = true;
    try {
      if (!this.publisher?.stream.hasVideo) {
        await this.openAgain();
      } else if (this.publisher.stream.videoActive) {
        await this.publisher.publishVideo(false, true);
      } else {
        await this.publisher.publishVideo(true);
      }
    } catch (error) {
      this.events.notice(text('deviceError', { why: reason(error) }), true);
    } finally {
      this.cameraBusy = false;
      this.refreshLocal();
    }
  }

  /** For a camera that is on. */
  async setBackground(background: Background): Promise<void> {
    if (this.changingBackground || !this.publisher || !this.cameraOn) return;
    this.changingBackground = true;
    this.events.change();
    const { stream } = this.publisher;
    try {
      await setBackground(stream, this.token, background);
      this.background = background;
    } catch (error) {
      // An image that cannot be changed stays.
      if (!stream.filter) this.background = 'none';
      this.events.notice(text('backgroundFailed', { why: reason(error) }), true);
    } finally {
      this.changingBackground = false;
      this.events.change();
    }
  }

  /** Whether the server writes down what is said. */
  get canCaption(): boolean {
    return this.listener.languages.length > 0;
  }

  get captioning(): boolean {
    return this.listener.language !== null;
  }

  /** Reads what the others say, or no longer. */
  async toggleCaptions(): Promise<void> {
    this.listener.toggle();
    this.events.change();
  }

  async toggleScreen(): Promise<void> {
    if (this.screenStarting) return;
    if (this.screen) return this.stopScreen();
    this.screenStarting = true;
    try {
      await this.startScreen();
    } finally {
      this.screenStarting = false;
      this.events.change();
    }
  }

  private async open(): Promise<void> {
    const { publisher, notice } = await openDevices(this.openvidu);
    if (this.over) return release(publisher);
    if (publisher) {
      this.publisher = publisher;
      publisher.on('publisherStartSpeaking', () => this.mark(this.me, true));
      publisher.on('publisherStopSpeaking', () => this.mark(this.me, false));
    }
    if (notice) this.events.notice(notice, true);
    this.refreshLocal();
  }

  private async publish(): Promise<void> {
    if (!this.publisher || !this.me) return;
    try {
      await this.session.publish(this.publisher);
    } catch (error) {
      this.events.notice(text('publishFailed', { why: reason(error) }), true);
    }
    this.refreshLocal();
  }

  /** Asks for devices once more, e.g. after a permission was granted, and swaps what is published. */
  private async openAgain(): Promise<void> {
    if (this.opening) return;
    const old = this.publisher;
    this.publisher = null;
    if (old && this.me) await this.session.unpublish(old).catch(() => {});
    release(old);
    await this.openDevices();
    await this.publish();
    this.refreshLocal();
    const { background } = this;
    this.background = 'none';
    if (background !== 'none') await this.setBackground(background);
  }

  private async startScreen(): Promise<void> {
    const openvidu = newOpenVidu();
    const session = openvidu.initSession();
    let publisher: Publisher;
    try {
      // The picker comes first: no second participant appears when the person cancels.
      publisher = await openvidu.initPublisherAsync(undefined, {
        videoSource: 'screen',
        audioSource: 'screen',
        publishAudio: true,
        publishVideo: true,
        resolution: '1920x1080',
        frameRate: 15,
        mirror: false,
      });
    } catch (error) {
      const { name } = error as { name: string };
      const denied = name === 'SCREEN_CAPTURE_DENIED' || name === 'DEVICE_ACCESS_DENIED';
      this.events.notice(
        denied ? text('screenDenied') : text('screenFailed', { why: reason(error) }),
        !denied,
      );
      return;
    }
    const track = publisher.stream.getMediaStream().getVideoTracks()[0];
    try {
      const { token } = await askForPlace(this.room, this.name);
      const data: ConnectionData = { clientData: this.name, screenOf: this.me ?? '' };
      await session.connect(token, data);
      if (this.over) throw new Error(text('leftRoom'));
      await session.publish(publisher);
    } catch (error) {
      session.disconnect();
      release(publisher);
      this.events.notice(text('screenFailed', { why: reason(error) }), true);
      return;
    }
    this.screen = { openvidu, session, publisher };
    const id = session.connection.connectionId;
    this.participants.set(id, {
      ...newParticipant(id, this.name),
      local: true,
      screen: true,
      stream: publisher,
      camera: true,
      microphone: true,
    });
    // The browser's own "Stop sharing" button, and an eviction of the second connection.
    track?.addEventListener('ended', () => this.stopScreen());
    session.on('sessionDisconnected', () => this.stopScreen());
    if (track?.readyState === 'ended') this.stopScreen();
  }

  private stopScreen(): void {
    const screen = this.screen;
    if (!screen) return;
    this.screen = null;
    this.participants.delete(screen.session.connection.connectionId);
    screen.session.disconnect();
    release(screen.publisher);
    this.events.change();
  }

  private listen(): void {
    const session = this.session;
    session.on('connectionCreated', ({ connection }: ConnectionEvent) => {
      const data = parseData(connection.data);
      // My own connections have their entries already, or get them when `connect` resolves.
      if (!connection.remoteOptions || data.screenOf === this.myId()) return;
      const participant = newParticipant(connection.connectionId, data.clientData);
      participant.screen = data.screenOf !== undefined;
      this.participants.set(participant.id, participant);
      if (!participant.screen && this.me) {
        this.events.notice(text('joined', { name: participant.name }), false);
      }
      this.events.change();
    });

    session.on('connectionDestroyed', ({ connection }: ConnectionEvent) => {
      const gone = this.participants.get(connection.connectionId);
      if (!gone || gone.local) return;
      this.participants.delete(gone.id);
      if (!gone.screen) this.events.notice(text('left', { name: gone.name }), false);
      this.events.change();
    });

    session.on('streamCreated', ({ stream }: StreamEvent) => {
      const participant = this.participants.get(stream.connection.connectionId);
      if (!participant || participant.local) return;
      const subscriber = session.subscribe(stream, undefined, (error) => {
        if (!error) return;
        const values = { name: participant.name, why: reason(error) };
        this.events.notice(text('subscribeFailed', values), true);
      });
      participant.stream = subscriber;
      participant.microphone = stream.hasAudio && stream.audioActive !== false;
      participant.camera = stream.hasVideo && stream.videoActive !== false;
      if (stream.hasAudio) this.listener.add(stream);
      this.events.change();
    });

    session.on('streamDestroyed', ({ stream }: StreamEvent) => {
      this.listener.remove(stream);
      const participant = this.participants.get(stream.connection.connectionId);
      if (!participant || participant.local) return;
      Object.assign(participant, { stream: null, microphone: false, camera: false });
      participant.speaking = false;
      this.events.change();
    });

    session.on('streamPropertyChanged', (event: OpenViduEvent) => {
      const { stream, changedProperty, newValue } = event as StreamPropertyChangedEvent;
      const participant = this.participants.get(stream.connection.connectionId);
      if (!participant || participant.local) return;
      if (changedProperty === 'audioActive') participant.microphone = Boolean(newValue);
      if (changedProperty === 'videoActive') participant.camera = Boolean(newValue);
      this.events.change();
    });

    const speaking = (on: boolean) => (event: PublisherSpeakingEvent) =>
      this.mark(event.connection.connectionId, on);
    session.on('publisherStartSpeaking', speaking(true));
    session.on('publisherStopSpeaking', speaking(false));

    session.on('reconnecting', () => this.events.reconnecting(true));
    session.on('reconnected', () => this.events.reconnecting(false));
    session.on('sessionDisconnected', ({ reason: why }: SessionDisconnectedEvent) => {
      this.me = null;
      this.connecting = false;
      this.leave();
      this.participants.clear();
      this.events.ended(text(endings[why] ?? 'lost'));
    });
    session.on('exception', (event: ExceptionEvent) => {
      if (event.name === 'ICE_CONNECTION_FAILED') this.events.notice(text('mediaFailed'), true);
    });
  }

  /** Known from the first message on, before `connect` resolves. */
  private myId(): string | null {
    return this.me ?? this.session.connection?.connectionId ?? null;
  }

  private mark(id: string | null, speaking: boolean): void {
    const participant = id && this.participants.get(id);
    if (!participant || participant.speaking === speaking) return;
    participant.speaking = speaking;
    this.events.change();
  }

  private localState(): Pick<Participant, 'stream' | 'microphone' | 'camera'> {
    return { stream: this.publisher, microphone: this.microphoneOn, camera: this.cameraOn };
  }

  private refreshLocal(): void {
    const me = this.me && this.participants.get(this.me);
    if (me) Object.assign(me, this.localState());
    this.events.change();
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

function newParticipant(id: string, name: string): Participant {
  return {
    id,
    name,
    local: false,
    screen: false,
    stream: null,
    microphone: false,
    camera: false,
    speaking: false,
  };
}

/** Other applications in the same room may have put anything there; a server's part follows `%/%`. */
function parseData(data: string): ConnectionData {
  const own = data.split('%/%')[0];
  try {
    const parsed = JSON.parse(own) as Partial<ConnectionData>;
    return { ...parsed, clientData: String(parsed.clientData || text('someone')) };
  } catch {
    return { clientData: own || text('someone') };
  }
}

function reason(error: unknown): string {
  if (error instanceof Error) return error.message;
  const { message } = (error ?? {}) as { message?: string };
  return message ?? String(error);
}
