/** The part of TensorFlow Lite's loader that is used; the package describes its own classes only. */
declare module '@twilio/video-processors/dist/build/tflite-simd-1-0-0.js' {
  interface Runtime {
    HEAPU8: Uint8Array;
    HEAPF32: Float32Array;
    /** Offsets are in bytes; what can fail gives 0 if it has not. */
    _getModelBufferMemoryOffset(): number;
    _loadModel(bytes: number): number;
    _getInputMemoryOffset(): number;
    _getInputWidth(): number;
    _getInputHeight(): number;
    _getOutputMemoryOffset(): number;
    _runInference(): number;
  }

  export default function createRuntime(module: {
    print(text: string): void;
    printErr(text: string): void;
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ): object;
  }): Promise<Runtime>;
}
