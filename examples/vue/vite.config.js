import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [
    // Not a component of Vue's.
    vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === 'madang-call' } } }),
  ],
});
