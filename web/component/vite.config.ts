import { defineConfig } from 'vite';
import { licences } from './licences.mjs';

/** Everything is in each of the two files: applications install nothing else, and a `<script>` suffices. */
export default defineConfig(({ mode }) => ({
  plugins: [licences],
  define: {
    // openvidu-browser's dependencies look at Node's `global`.
    global: 'globalThis',
    'process.env.NODE_ENV': '"production"',
  },
  build: {
    target: 'es2022',
    // Newer than the rest: `light-dark()` would be rewritten for older browsers.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    emptyOutDir: mode !== 'script',
    lib: {
      entry: 'src/index.ts',
      name: 'MadangCall',
      formats: mode === 'script' ? ['iife'] : ['es'],
      fileName: (format) => (format === 'iife' ? 'madang-call.iife.js' : 'madang-call.js'),
    },
  },
}));
