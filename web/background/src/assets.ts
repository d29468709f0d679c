/** Where the worker's files are: beside this script, wherever it was loaded from. */

import model from '@mediapipe/selfie_segmentation/selfie_segmentation_landscape.tflite?url';
import program from '@twilio/video-processors/dist/build/tflite-simd-1-0-0.wasm?url';
import type { Assets } from './messages';

const script =
  document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : '';

/** `server` is asked only if the script does not know where it came from. */
export function assets(server: URL): Assets {
  const base = script || new URL('/openvidu/virtual-background/', server).href;
  return { program: new URL(program, base).href, model: new URL(model, base).href };
}
