import { readdirSync } from 'node:fs';
import { defineConfig } from 'vite';

// Tests for Node's runner: one file for each in `build`, which nothing else reads.
const tests = readdirSync('test').filter((name) => name.endsWith('.test.ts'));

export default defineConfig({
  publicDir: false,
  logLevel: 'warn',
  build: {
    ssr: true,
    target: 'node20',
    outDir: 'build',
    rolldownOptions: { input: tests.map((name) => `test/${name}`) },
  },
});
