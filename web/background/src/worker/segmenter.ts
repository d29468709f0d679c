/**
 * Where the person is: MediaPipe's model for selfies, run by TensorFlow Lite as WebAssembly, on the processor
 * and in this worker's thread.
 */

import createRuntime from '@twilio/video-processors/dist/build/tflite-simd-1-0-0.js';
import type { Assets } from '../messages';

export class Segmenter {
  /** Of the model; every frame is stretched to it. */
  readonly width: number;
  readonly height: number;
  private readonly context: OffscreenCanvasRenderingContext2D;

  private constructor(private readonly runtime: Runtime) {
    this.width = runtime._getInputWidth();
    this.height = runtime._getInputHeight();
    const canvas = new OffscreenCanvas(this.width, this.height);
    const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    if (!context) throw new Error('This browser has no canvas in workers');
    this.context = context;
  }

  static async load({ program, model }: Assets): Promise<Segmenter> {
    const [runtime, bytes] = await Promise.all([start(program), fetchBytes(model)]);
    runtime.HEAPU8.set(bytes, runtime._getModelBufferMemoryOffset());
    const failed = runtime._loadModel(bytes.length);
    if (failed) throw new Error(`The model cannot be loaded (${failed})`);
    return new Segmenter(runtime);
  }

  /** The frame of the last call, as small as the model has it. */
  get seen(): OffscreenCanvas {
    return this.context.canvas;
  }

  /** How sure the model is that a pixel is of a person, 0 to 1, row by row. Valid until the next call. */
  segment(frame: CanvasImageSource): Float32Array {
    const { runtime, context, width, height } = this;
    context.drawImage(frame, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    // Not kept: memory that grows is another buffer.
    const input = runtime.HEAPF32.subarray(runtime._getInputMemoryOffset() / 4);
    for (let from = 0, to = 0; from < data.length; from += 4, to += 3) {
      input[to] = data[from] / 255;
      input[to + 1] = data[from + 1] / 255;
      input[to + 2] = data[from + 2] / 255;
    }
    const failed = runtime._runInference();
    if (failed) throw new Error(`The model cannot be run (${failed})`);
    const output = runtime._getOutputMemoryOffset() / 4;
    return runtime.HEAPF32.subarray(output, output + width * height);
  }
}

/** What of the program's interface is used here. */
type Runtime = Awaited<ReturnType<typeof createRuntime>>;

async function start(program: string): Promise<Runtime> {
  const response = await get(program);
  return new Promise((resolve, reject) => {
    const refuse = (error: unknown) =>
      reject(
        new Error(
          `TensorFlow Lite cannot be started: ${error instanceof Error ? error.message : error}`,
        ),
      );
    createRuntime({
      // It tells of the model's size.
      print: () => {},
      printErr: () => {},
      instantiateWasm(imports, receive) {
        WebAssembly.instantiateStreaming(response, imports).then(
          ({ instance, module }) => receive(instance, module),
          refuse,
        );
        return {};
      },
    }).then(resolve, refuse);
  });
}

async function fetchBytes(url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await get(url)).arrayBuffer());
}

async function get(url: string): Promise<Response> {
  const response = await fetch(url).catch((error: Error) => {
    throw new Error(`${url} cannot be loaded: ${error.message}`);
  });
  if (!response.ok) throw new Error(`${url} cannot be loaded: HTTP ${response.status}`);
  return response;
}
