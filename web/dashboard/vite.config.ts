import { defineConfig } from 'vite';

// `npm run dev` serves the page with reloading and asks a running server for everything else.
const server = 'http://localhost:4443';

export default defineConfig({
  // The page is at /dashboard/, perhaps with a proxy's path in front.
  base: './',
  define: {
    // openvidu-browser's dependencies look at Node's `global`.
    global: 'globalThis',
  },
  build: {
    target: 'es2022',
    // Every asset beside index.html: the server embeds one flat directory.
    assetsDir: 'assets',
    // A policy of the page allows scripts of this server only, no data: ones.
    assetsInlineLimit: 0,
    // openvidu-browser, which only who watches loads.
    chunkSizeWarningLimit: 700,
  },
  server: {
    proxy: {
      '/dashboard/live': { target: server, ws: true },
      '/dashboard/api': server,
      '/dashboard/logout': server,
      '/openvidu': { target: server, ws: true },
    },
  },
});
