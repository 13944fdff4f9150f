// Chromium, headless, and pages that remember every complaint of theirs.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const CHROMIUM = process.env.KB_CHROMIUM || '/usr/bin/chromium';
const ARGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  // Containers have 64 MiB there, and Chromium dies of it when it decodes.
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
const WAIT_MS = 45_000;
const SHOTS = process.env.KB_SHOTS ?? '';

export const chromiumIsThere = () => existsSync(CHROMIUM);

// Every launch has a fresh profile in a temporary folder, removed with the browser.
export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, headless: false, args: ARGS, timeout: 90_000 });
}

// What the page says against itself: errors of the console, exceptions, violations of the policy.
function listen(page, complaints) {
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
}

export async function open(browser, options = {}) {
  const context = await browser.newContext({
    locale: 'ru-RU',
    timezoneId: 'Europe/Moscow',
    viewport: { width: 1280, height: 800 },
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const complaints = [];
  listen(page, complaints);
  return { context, page, complaints };
}

// One page for one test. `forgive`: complaints the test provoked itself (a refused key is a 401).
export async function withPage(browser, fn, { forgive = [], ...options } = {}) {
  const { context, page, complaints } = await open(browser, options);
  try {
    await fn(page, context);
    const left = complaints.filter((text) => !forgive.some((pattern) => pattern.test(text)));
    if (left.length > 0) throw new Error(`the page complained:\n${left.join('\n')}`);
  } catch (error) {
    await shot(page, `failed-${Date.now()}`).catch(() => {});
    throw error;
  } finally {
    await context.close();
  }
}

export async function shot(page, name) {
  if (!SHOTS) return;
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
}

// Loaded, nothing a skeleton any more, pictures in place.
export async function settled(page) {
  await page.waitForLoadState('load');
  await page.waitForFunction(
    () => document.querySelector('main')?.childElementCount && !document.querySelector('[aria-busy="true"]'),
  );
  await page.waitForFunction(() =>
    [...document.images].every((one) => one.complete || one.loading === 'lazy'),
  );
}
