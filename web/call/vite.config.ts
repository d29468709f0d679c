import { defineConfig } from 'vite';
import { licences } from '../component/licences.mjs';

// `npm run dev` serves the page with reloading and asks a running server for tokens.
const server = 'http://localhost:4443';

export default defineConfig({
  plugins: [licences],
  define: {
    // openvidu-browser's dependencies look at Node's `global`.
    global: 'globalThis',
  },
  build: {
    target: 'es2022',
    // Newer than the rest: `light-dark()` would be rewritten for older browsers.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // Every asset beside index.html: the server embeds one flat directory.
    assetsDir: 'assets',
    chunkSizeWarningLimit: 700,
  },
  server: {
    fs: { allow: ['..'] },
    proxy: {
      '/call/token': server,
      '/openvidu': { target: server, ws: true },
    },
  },
});
