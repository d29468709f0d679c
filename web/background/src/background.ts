/**
 * What openvidu-browser calls. Its life: the client hides a copy of its video element, makes one of these,
 * asks for one kind of background, sends the track of the element that it gets, and cleans up; another
 * background is another object. Whatever fails before there is a track leaves nothing behind, since the
 * client calls nothing more.
 */

import { assets } from './assets';
import { appendHidden, hide, removeHidden } from './elements';
import { Failure } from './failure';
import { loadImage } from './image';
import type { Look } from './messages';
import { readLook, readOptions } from './options';
import { Process } from './process';

export interface Parameters {
  /** Names the hidden elements. */
  id: string;
  openviduServerUrl: URL;
  /** The token in Base64: what is loaded here needs none. */
  openviduToken: string;
  /** Plays the camera. */
  inputVideo: HTMLVideoElement;
  /** As the client would have it; the model has a resolution of its own. */
  inputResolution: string;
  outputFramerate: number;
}

interface Running {
  kind: 'blur' | 'image';
  look: Look;
  process: Process;
}

export class VirtualBackground {
  /** The client's copy of the video element has this before its id. */
  static readonly SOURCE_VIDEO_PREFIX = 'virtual-background-source-';

  /** Without `gone` it goes on playing. */
  static hideHtmlElement(element: HTMLElement, gone: boolean): void {
    hide(element, gone);
  }

  static appendHtmlElementToHiddenContainer(element: HTMLElement, id: string): void {
    appendHidden(element, id);
  }

  private running: Running | null = null;
  private asked = false;
  private over = false;

  constructor(private readonly parameters: Parameters) {
    // For a kind that it does not know the client asks for nothing and forgets what it has made.
    setTimeout(() => {
      if (!this.asked) this.abandon();
    });
  }

  /** A video with the person before what is behind them, blurred. */
  backgroundBlur(options?: unknown): Promise<HTMLVideoElement> {
    return this.begin('blur', options);
  }

  /** A video with the person before the image at `options.url`. */
  backgroundImage(options?: unknown): Promise<HTMLVideoElement> {
    return this.begin('image', options);
  }

  /** Changes what is mentioned; if that fails, nothing. */
  async updateValues(values: unknown): Promise<void> {
    const { running } = this;
    if (!running) throw new Failure('There is no background to change');
    const options = readOptions(values);
    const look = readLook(options, running.look);
    const wanted = running.kind === 'image' && options.url !== undefined;
    const background = wanted ? await loadImage(options.url) : undefined;
    running.look = look;
    await running.process.change(look, background);
  }

  /** The camera goes on. */
  cleanUp(): void {
    this.over = true;
    this.running?.process.stop();
    this.running = null;
    removeHidden(this.parameters.id);
  }

  private async begin(kind: Running['kind'], given: unknown): Promise<HTMLVideoElement> {
    const {
      inputVideo: video,
      outputFramerate: framesPerSecond,
      openviduServerUrl,
    } = this.parameters;
    this.asked = true;
    try {
      const options = readOptions(given);
      const look = readLook(options);
      const background = kind === 'image' ? await loadImage(options.url) : null;
      const task = { video, assets: assets(openviduServerUrl), framesPerSecond, look, background };
      const process = await Process.begin(task);
      if (this.over) {
        process.stop();
        throw new Failure('The background was removed before it was there');
      }
      this.running = { kind, look, process };
      const result = document.createElement('video');
      result.muted = true;
      result.playsInline = true;
      result.srcObject = new MediaStream([process.track]);
      return result;
    } catch (error) {
      this.abandon();
      throw Failure.of(error);
    }
  }

  /** The client forgets its copy of the camera's track, which would leave the camera on. */
  private abandon(): void {
    this.cleanUp();
    const stream = this.parameters.inputVideo.srcObject as MediaStream | null;
    for (const track of stream?.getTracks() ?? []) track.stop();
  }
}
