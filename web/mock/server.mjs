// The /v1 contract on invented data, for work on the web without the program: `npm run mock`.
// Serves dist/ with the same policy headers as the real server. Not hardened, loopback only.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { adminRoutes } from './admin.mjs';
import { artwork } from './art.mjs';
import { catalogue } from './data.mjs';
import { filmFolder } from './film.mjs';
import { openapi } from './openapi.mjs';
import { Problem } from './problem.mjs';
import { publicRoutes } from './public.mjs';

const DIST = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
  "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2',
  '.m3u8': 'application/vnd.apple.mpegurl', '.mpd': 'application/dash+xml', '.m4s': 'video/iso.segment', '.vtt': 'text/vtt; charset=utf-8',
  '.png': 'image/png',
};

function sendProblem(reply, problem) {
  const { status, slug, message, extra } = problem;
  if (extra.retryAfter) reply.setHeader('Retry-After', extra.retryAfter);
  reply.writeHead(status, { 'Content-Type': 'application/problem+json' });
  reply.end(JSON.stringify({ type: `/docs/errors/${slug}`, title: slug, status, slug, detail: message, errors: extra.errors ?? [] }));
}

function sendJson(reply, status, body, headers = {}) {
  reply.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-cache', ...headers });
  reply.end(body === undefined ? '' : JSON.stringify(body));
}

function sendFile(reply, root, name, policy) {
  const path = join(root, normalize(`/${name}`));
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  const headers = { 'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'X-Content-Type-Options': 'nosniff' };
  if (policy) headers['Content-Security-Policy'] = POLICY;
  if (name.includes('assets/')) headers['Cache-Control'] = 'public, max-age=31536000, immutable';
  reply.writeHead(200, headers);
  createReadStream(path).pipe(reply);
  return true;
}

async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  if (parts.length === 0) return {};
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw new Problem(400, 'json-invalid', 'The body is not JSON.');
  }
}

function findRoute(routes, method, path) {
  for (const [verb, pattern, handler] of routes) {
    if (verb !== method) continue;
    const match = pattern.exec(path);
    if (match) return { handler, params: match.slice(1).map(decodeURIComponent) };
  }
  return null;
}

async function serveApi(state, request, reply, url) {
  const found = findRoute(state.routes, request.method, url.pathname);
  if (!found) throw new Problem(404, 'not-found', 'No such route.');
  const body = request.method === 'GET' ? {} : await readBody(request);
  const lang = (url.searchParams.get('lang') ?? request.headers['accept-language'] ?? 'en').startsWith('ru') ? 'ru' : 'en';
  const cookie = /kb_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const context = { state, request, url, body, lang, cookie, admin: state.sessions.has(cookie), params: found.params, headers: {} };
  const answer = await found.handler(context);
  for (const [name, value] of Object.entries(context.headers)) reply.setHeader(name, value);
  sendJson(reply, context.status ?? (answer === undefined ? 204 : 200), answer);
}

function servePage(reply, path) {
  if (path === '/docs' || path === '/docs/') return sendFile(reply, DIST, 'docs.html', true);
  if (path !== '/' && sendFile(reply, DIST, path, true)) return true;
  return sendFile(reply, DIST, 'index.html', true);
}

async function serve(state, request, reply) {
  const url = new URL(request.url, 'http://mock');
  const path = url.pathname;
  if (path.startsWith('/v1/')) return serveApi(state, request, reply, url);
  if (path === '/openapi.json') return sendJson(reply, 200, openapi);
  const art = /^\/artwork\/(\w+?)(-wide)?$/.exec(path);
  if (art) {
    reply.writeHead(200, { 'Content-Type': 'image/svg+xml', 'Cache-Control': 'public, max-age=31536000' });
    return reply.end(artwork(art[1], Boolean(art[2])));
  }
  const media = /^\/media\/\w+\/(.+)$/.exec(path);
  if (media && sendFile(reply, filmFolder(), media[1], false)) return undefined;
  if (media || !servePage(reply, path)) throw new Problem(404, 'not-found', 'No such page.');
  return undefined;
}

// Starts the mock on a port (0: any free one); `empty` gives a cinema without a single title.
export function start({ port = 0, empty = false, key = 'mock-key' } = {}) {
  const state = { key, sessions: new Set(), titles: empty ? new Map() : catalogue(), wrong: 0, routes: [...publicRoutes, ...adminRoutes] };
  const server = createServer((request, reply) => {
    serve(state, request, reply).catch((error) => {
      if (error instanceof Problem) return sendProblem(reply, error);
      console.error(error);
      return sendProblem(reply, new Problem(500, 'internal', String(error)));
    });
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => resolve({ server, url: `http://127.0.0.1:${server.address().port}` }));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  readFileSync(join(DIST, 'index.html'));
  const { url } = await start({ port: Number(process.env.PORT ?? 8787), empty: process.argv.includes('--empty') });
  console.log(`mock at ${url}, admin key: mock-key`);
}
