/** The person's own camera and microphone: what is open, what is on, what stands behind the person. */

import type { OpenVidu, Publisher } from 'openvidu-browser';
import type { Say } from '../texts';
import { type Background, setBackground } from './background';
import { openDevices, release, type Wanted } from './devices';
import { reason } from './failure';

/** What the call does with them. */
interface Surroundings {
  openvidu: OpenVidu;
  say: Say;
  changed: () => void;
  /** Something worth a sentence. */
  trouble: (words: string) => void;
  speaking: (on: boolean) => void;
  publish: (publisher: Publisher) => Promise<void>;
  unpublish: (publisher: Publisher) => Promise<void>;
}

export class Media {
  publisher: Publisher | null = null;
  background: Background = 'none';
  changingBackground = false;
  /** Whose server has the script of backgrounds. */
  token = '';
  /** The id of a speaker, where one was chosen. */
  speaker = '';

  private cameraBusy = false;
  /** Until the browser and the person have decided. */
  private opening: Promise<void> | null = null;
  private over = false;

  constructor(
    private readonly around: Surroundings,
    private readonly wanted: Wanted,
  ) {}

  get microphoneOn(): boolean {
    return !!this.publisher?.stream.hasAudio && this.publisher.stream.audioActive;
  }

  get cameraOn(): boolean {
    return !!this.publisher?.stream.hasVideo && this.publisher.stream.videoActive;
  }

  /** What the devices give, while they are open. */
  get stream(): MediaStream | null {
    return this.publisher?.stream.getMediaStream() ?? null;
  }

  /** Opens camera and microphone; the person sees themselves before joining. */
  open(): Promise<void> {
    this.opening ??= this.openOnce().finally(() => {
      this.opening = null;
    });
    return this.opening;
  }

  /** Once the browser and the person have decided. */
  async settled(): Promise<void> {
    await this.opening;
  }

  /** Frees the hardware, for good. */
  close(): void {
    this.over = true;
    release(this.publisher);
    this.publisher = null;
  }

  /** Mutes or unmutes; opens the devices when there are none yet. */
  async toggleMicrophone(): Promise<void> {
    if (!this.publisher?.stream.hasAudio) {
      this.wanted.audio = true;
      return this.openAgain();
    }
    this.publisher.publishAudio(!this.publisher.stream.audioActive);
    this.around.changed();
  }

  /** Off also frees the hardware, so that the camera's light goes out. */
  async toggleCamera(): Promise<void> {
    if (this.cameraBusy) return;
    this.cameraBusy = true;
    try {
      if (!this.publisher?.stream.hasVideo) {
        this.wanted.video = true;
        await this.openAgain();
      } else if (this.publisher.stream.videoActive) {
        await this.publisher.publishVideo(false, true);
      } else {
        await this.publisher.publishVideo(true);
      }
    } catch (error) {
      this.around.trouble(this.around.say('deviceError', { why: reason(error) }));
    } finally {
      this.cameraBusy = false;
      this.around.changed();
    }
  }

  /** Another camera or microphone, by its id; the stream goes on. */
  async choose(kind: 'camera' | 'microphone', id: string): Promise<void> {
    this.wanted[kind] = id;
    const isOn = kind === 'camera' ? this.cameraOn : !!this.publisher?.stream.hasAudio;
    if (!this.publisher || !isOn) return this.around.changed();
    const { background } = this;
    try {
      const chosen = { deviceId: { exact: id } };
      const stream = await navigator.mediaDevices.getUserMedia(
        kind === 'camera'
          ? { video: { ...chosen, width: { ideal: 1280 }, height: { ideal: 720 } } }
          : { audio: chosen },
      );
      // The background's picture is made of the camera that is given up.
      if (kind === 'camera' && background !== 'none') await this.setBackground('none');
      const [track] = stream.getTracks();
      track.enabled = kind === 'camera' || this.microphoneOn;
      await this.publisher.replaceTrack(track);
      if (kind === 'camera') await this.setBackground(background);
    } catch (error) {
      this.around.trouble(this.around.say('deviceError', { why: reason(error) }));
    }
    this.around.changed();
  }

  chosen(kind: 'camera' | 'microphone'): string {
    const tracks =
      kind === 'camera' ? this.stream?.getVideoTracks() : this.stream?.getAudioTracks();
    return this.wanted[kind] ?? tracks?.[0]?.getSettings().deviceId ?? '';
  }

  chooseSpeaker(id: string): void {
    this.speaker = id;
    this.around.changed();
  }

  /** For a camera that is on. */
  async setBackground(background: Background): Promise<void> {
    if (this.changingBackground || !this.publisher || !this.cameraOn) return;
    if (background === 'none' && this.background === 'none') return;
    this.changingBackground = true;
    this.around.changed();
    const { stream } = this.publisher;
    try {
      await setBackground(stream, this.token, background);
      this.background = background;
    } catch (error) {
      // An image that cannot be changed stays.
      if (!stream.filter) this.background = 'none';
      this.around.trouble(this.around.say('backgroundFailed', { why: reason(error) }));
    } finally {
      this.changingBackground = false;
      this.around.changed();
    }
  }

  private async openOnce(): Promise<void> {
    const { publisher, notice } = await openDevices(this.around.openvidu, this.wanted);
    if (this.over) return release(publisher);
    if (publisher) {
      this.publisher = publisher;
      publisher.on('publisherStartSpeaking', () => this.around.speaking(true));
      publisher.on('publisherStopSpeaking', () => this.around.speaking(false));
    }
    if (notice) this.around.trouble(this.around.say(...notice));
    this.around.changed();
  }

  /** Asks for devices once more, e.g. after a permission was granted, and swaps what is published. */
  private async openAgain(): Promise<void> {
    if (this.opening) return;
    const old = this.publisher;
    const wasMuted = !!old?.stream.hasAudio && !old.stream.audioActive;
    this.publisher = null;
    if (old) await this.around.unpublish(old);
    release(old);
    await this.open();
    const { publisher } = this as { publisher: Publisher | null };
    if (wasMuted) publisher?.publishAudio(false);
    if (publisher) await this.around.publish(publisher);
    this.around.changed();
    const { background } = this;
    this.background = 'none';
    await this.setBackground(background);
  }
}
