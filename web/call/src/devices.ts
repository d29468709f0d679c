/**
 * From "please, camera and microphone" to a Publisher, or to a sentence that says why not.
 * Falls back step by step: both, then what there is, then nothing (one can always watch).
 */

import { type OpenVidu, OpenViduErrorName, type Publisher } from 'openvidu-browser';
import { text } from './texts';

/** What was opened, and what to tell the person. */
export interface Devices {
  publisher: Publisher | null;
  notice: string | null;
}

/** Opens camera and microphone as far as they exist and are allowed. */
export async function openDevices(openvidu: OpenVidu): Promise<Devices> {
  if (!canCapture()) return { publisher: null, notice: null };

  const both = await open(openvidu, true, true);
  if (both.publisher) return { publisher: both.publisher, notice: null };
  // A refusal is a decision for both: asking again at once would be rude.
  if (both.error === OpenViduErrorName.DEVICE_ACCESS_DENIED) {
    return { publisher: null, notice: text('denied') };
  }

  const microphone = await open(openvidu, true, false);
  if (microphone.publisher) {
    const busy = both.error === OpenViduErrorName.DEVICE_ALREADY_IN_USE;
    return { publisher: microphone.publisher, notice: text(busy ? 'busy' : 'noCamera') };
  }
  const camera = await open(openvidu, false, true);
  if (camera.publisher) return { publisher: camera.publisher, notice: text('noMicrophone') };

  switch (both.error) {
    case OpenViduErrorName.DEVICE_ALREADY_IN_USE:
      return { publisher: null, notice: text('busy') };
    case OpenViduErrorName.INPUT_VIDEO_DEVICE_NOT_FOUND:
    case OpenViduErrorName.INPUT_AUDIO_DEVICE_NOT_FOUND:
      return { publisher: null, notice: text('noDevices') };
    default:
      return { publisher: null, notice: text('deviceError', { why: both.why }) };
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

/** Stops the hardware of a publisher that will not be used any more. */
export function release(publisher: Publisher | null): void {
  for (const track of publisher?.stream.getMediaStream()?.getTracks() ?? []) track.stop();
}

interface Attempt {
  publisher: Publisher | null;
  error?: OpenViduErrorName;
  why: string;
}

async function open(openvidu: OpenVidu, audio: boolean, video: boolean): Promise<Attempt> {
  try {
    const publisher = await openvidu.initPublisherAsync(undefined, {
      audioSource: audio ? undefined : false,
      videoSource: video ? undefined : false,
      publishAudio: audio,
      publishVideo: video,
      resolution: '1280x720',
      frameRate: 30,
      mirror: true,
    });
    return { publisher, why: '' };
  } catch (error) {
    const { name, message } = error as { name: OpenViduErrorName; message: string };
    return { publisher: null, error: name, why: message };
  }
}
