/**
 * From "please, camera and microphone" to a Publisher, or to a sentence that says why not.
 * Falls back step by step: both, then what there is, then nothing (one can always watch).
 */

import { type OpenVidu, OpenViduErrorName, type Publisher } from 'openvidu-browser';
import type { Text } from '../texts';

/** What was opened, and what to tell the person. */
export interface Devices {
  publisher: Publisher | null;
  notice: [Text, Record<string, string>?] | null;
}

/** What to open. */
export interface Wanted {
  audio: boolean;
  video: boolean;
  /** Ids; without one, what the browser takes. */
  microphone?: string;
  camera?: string;
  resolution?: string;
  frameRate?: number;
}

/** Opens camera and microphone as far as they are wanted, exist and are allowed. */
export async function openDevices(openvidu: OpenVidu, wanted: Wanted): Promise<Devices> {
  if (!canCapture() || !(wanted.audio || wanted.video)) return { publisher: null, notice: null };

  const first = await open(openvidu, wanted);
  if (first.publisher) return { publisher: first.publisher, notice: null };
  // A refusal is a decision for both: asking again at once would be rude.
  if (first.error === OpenViduErrorName.DEVICE_ACCESS_DENIED) {
    return { publisher: null, notice: ['denied'] };
  }

  if (wanted.audio && wanted.video) {
    const microphone = await open(openvidu, { ...wanted, video: false });
    if (microphone.publisher) {
      const busy = first.error === OpenViduErrorName.DEVICE_ALREADY_IN_USE;
      return { publisher: microphone.publisher, notice: [busy ? 'busy' : 'noCamera'] };
    }
    const camera = await open(openvidu, { ...wanted, audio: false });
    if (camera.publisher) return { publisher: camera.publisher, notice: ['noMicrophone'] };
  }

  switch (first.error) {
    case OpenViduErrorName.DEVICE_ALREADY_IN_USE:
      return { publisher: null, notice: ['busy'] };
    case OpenViduErrorName.INPUT_VIDEO_DEVICE_NOT_FOUND:
    case OpenViduErrorName.INPUT_AUDIO_DEVICE_NOT_FOUND:
      return { publisher: null, notice: ['noDevices'] };
    default:
      return { publisher: null, notice: ['deviceError', { why: first.why }] };
  }
}

/** Whether the browser hands out devices to this page at all: it needs a secure context. */
export function canCapture(): boolean {
  return window.isSecureContext && !!navigator.mediaDevices?.getUserMedia;
}

/** Whether the browser can capture the screen (phones cannot). */
export function canShareScreen(): boolean {
  return canCapture() && 'getDisplayMedia' in navigator.mediaDevices;
}

/** Whether sound can be sent to a speaker of choice. */
export const canChooseSpeaker = 'setSinkId' in HTMLMediaElement.prototype;

export type Kind = 'audioinput' | 'videoinput' | 'audiooutput';

/** What there is of each kind. Without a permission browsers give no names; those are left out. */
export async function listDevices(): Promise<Record<Kind, MediaDeviceInfo[]>> {
  const all = canCapture() ? await navigator.mediaDevices.enumerateDevices().catch(() => []) : [];
  const of = (kind: Kind) => all.filter((device) => device.kind === kind && device.label);
  return {
    audioinput: of('audioinput'),
    videoinput: of('videoinput'),
    audiooutput: of('audiooutput'),
  };
}

/** Stops the hardware of a publisher that will not be used any more. */
export function release(publisher: Publisher | null): void {
  for (const track of publisher?.stream.getMediaStream()?.getTracks() ?? []) track.stop();
}

interface Attempt {
  publisher: Publisher | null;
  error?: OpenViduErrorName;
  why: string;
}

async function open(openvidu: OpenVidu, wanted: Wanted): Promise<Attempt> {
  const { audio, video } = wanted;
  try {
    const publisher = await openvidu.initPublisherAsync(undefined, {
      audioSource: audio ? wanted.microphone : false,
      videoSource: video ? wanted.camera : false,
      publishAudio: audio,
      publishVideo: video,
      resolution: wanted.resolution || '1280x720',
      frameRate: wanted.frameRate || 30,
      mirror: true,
    });
    return { publisher, why: '' };
  } catch (error) {
    const { name, message } = error as { name: OpenViduErrorName; message: string };
    return { publisher: null, error: name, why: message };
  }
}
