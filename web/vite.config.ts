// Two entries: the cinema with its admin (index.html) and the API documents (docs.html). Everything
// is an external file with a hashed name, because the server's policy allows no inline code.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = process.env.KB_URL ?? 'http://127.0.0.1:8000';
const proxied = ['/v1', '/media', '/artwork', '/openapi.json'];

export default defineConfig({
  plugins: [svelte()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      input: { index: 'index.html', docs: 'docs.html' },
    },
  },
  server: {
    proxy: Object.fromEntries(proxied.map((path) => [path, { target: server }])),
  },
});
