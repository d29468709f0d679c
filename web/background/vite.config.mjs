import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { defineConfig } from 'vite';

/** What is handed out with the script, and under which licence each package must be. */
const parts = [
  {
    what: 'TensorFlow Lite with XNNPACK, compiled to WebAssembly by Twilio, and its loader',
    package: '@twilio/video-processors',
    licence: 'BSD-3-Clause',
    texts: ['node_modules/@twilio/video-processors/LICENSE.md'],
    note: 'TensorFlow Lite itself: Apache-2.0 (below). XNNPACK: BSD-3-Clause.',
  },
  {
    what: 'The segmentation model of MediaPipe, by Google',
    package: '@mediapipe/selfie_segmentation',
    licence: 'Apache-2.0',
    texts: ['../../LICENSE'],
    note: '',
  },
];

const NOTICE =
  '/*! Virtual backgrounds of Madang, Apache-2.0. What else is in it: licences.txt beside it. */\n';

/** Their texts stand beside the script. A package that has changed its licence is not built in. */
const licences = {
  name: 'licences',
  generateBundle(_, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = NOTICE + chunk.code;
    }
    const sections = parts.map(({ what, package: name, licence, texts, note }) => {
      const { version, license } = JSON.parse(
        readFileSync(join('node_modules', name, 'package.json'), 'utf8'),
      );
      if (license !== licence) throw new Error(`${name} ${version} is under ${license}`);
      const head = `${what}\n${name} ${version}: ${licence}. ${note}\n`;
      return [head, ...texts.map((path) => readFileSync(path, 'utf8'))].join('\n');
    });
    this.emitFile({ type: 'asset', fileName: 'licences.txt', source: sections.join('\n\n') });
  },
};

/** TensorFlow Lite's loader would use these in Node. */
const nothing = {
  name: 'nothing',
  enforce: 'pre',
  resolveId: (id) => (id === 'fs' || id === 'path' ? '\0nothing' : null),
  load: (id) => (id === '\0nothing' ? 'export default {};' : null),
};

/** What is large is there compressed alone: the program that embeds it is downloaded. */
const compressed = {
  name: 'compressed',
  writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle).filter((name) => /\.(wasm|tflite)$/.test(name))) {
      writeFileSync(join(dir, `${name}.gz`), gzipSync(readFileSync(join(dir, name)), { level: 9 }));
      rmSync(join(dir, name));
    }
  },
};

export default defineConfig({
  plugins: [nothing, compressed, licences],
  publicDir: false,
  build: {
    target: 'es2022',
    // Always files: the script is loaded before anybody wants a background.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    rolldownOptions: {
      input: 'src/main.ts',
      output: {
        // Clients load it as a classic script.
        format: 'iife',
        entryFileNames: 'openvidu-virtual-background.js',
        assetFileNames: 'assets/[name]-[hash][extname]',
      },
    },
  },
  worker: { format: 'iife', plugins: () => [nothing] },
  // The script says where it came from: see `assets.ts`.
  experimental: { renderBuiltUrl: (name) => name },
});
