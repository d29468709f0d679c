import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [vue()],
  // Wherever a back end puts it.
  base: './',
  // openvidu-browser's dependencies look at Node's `global`.
  define: { global: 'globalThis' },
  build: { rollupOptions: { input: ['react/index.html', 'vue/index.html'] } },
});
