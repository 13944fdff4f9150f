// The real program on a data folder of its own: started, filled, asked, ended.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const START_MS_MAX = 60_000;
const IMPORT_MS_MAX = 240_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Waits until `look` gives something true; says what it waited for when it does not.
export async function until(what, look, timeout_ms = 30_000) {
  const end = Date.now() + timeout_ms;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited ${timeout_ms} ms for ${what}`);
    await sleep(100);
  }
}

export function run(command, args, { timeout_ms = IMPORT_MS_MAX } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout_ms);
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', (error) => (output += error));
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? -1, output });
    });
  });
}

export class Cinema {
  constructor(bin, data, child, base, key) {
    Object.assign(this, { bin, data, child, base, key });
  }

  static async start(bin, data) {
    const child = spawn(bin, ['serve', '--data', data, '--listen', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    child.stdout.on('data', (chunk) => (words += chunk));
    child.stderr.pipe(createWriteStream(`${data}.log`));
    const address = join(data, 'http.addr');
    await until(
      'the program to serve',
      () => {
        if (child.exitCode !== null) throw new Error(`the program ended with ${child.exitCode}: ${words}`);
        return existsSync(address) && readFileSync(address, 'utf8').trim() && words.includes('http://');
      },
      START_MS_MAX,
    );
    const key = /^\s+([A-Z0-9]{4}(?:-[A-Z0-9]{4})+)\s*$/m.exec(words)?.[1] ?? '';
    return new Cinema(bin, data, child, `http://${readFileSync(address, 'utf8').trim()}`, key);
  }

  async ask(method, path, body, headers = {}) {
    const response = await fetch(this.base + path, {
      method,
      headers: {
        Authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return { data: text ? JSON.parse(text) : null, etag: response.headers.get('ETag') };
  }

  async get(path) {
    return (await this.ask('GET', path)).data;
  }

  // A published title without a film.
  async title(body) {
    const { data, etag } = await this.ask('POST', '/v1/titles', body);
    await this.ask('POST', `/v1/titles/${data.id}/publish`, {}, { 'If-Match': etag });
    return data.id;
  }

  import(...args) {
    return run(this.bin, ['import', '--data', this.data, ...args]);
  }

  async stop() {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const gone = new Promise((resolve) => this.child.once('exit', (code) => resolve(code ?? -1)));
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 30_000);
    const code = await gone;
    clearTimeout(timer);
    return code;
  }
}
