// The same HLS in hls.js, on a bare page, with every error it reports counted, fatal or not.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open } from './browser.mjs';
import { until } from './cinema.mjs';
import { SECONDS } from './films.mjs';
import { need, test } from './harness.mjs';

const SCRIPT = readFileSync(new URL('../node_modules/hls.js/dist/hls.min.js', import.meta.url), 'utf8');
const PLAY_MS_MAX = 60_000;

// In the page: an Hls whose troubles are all written down.
function begin(url) {
  const video = document.querySelector('video');
  const hls = new window.Hls({ maxBufferLength: 12 });
  window.hls = hls;
  window.troubles = [];
  hls.on(window.Hls.Events.ERROR, (_, data) => window.troubles.push(`${data.type} ${data.details} fatal=${data.fatal} ${data.reason ?? ''}`));
  hls.loadSource(url);
  hls.attachMedia(video);
  video.play();
}

const look = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video');
    return {
      time: video.currentTime,
      duration: video.duration,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      audible: video.webkitAudioDecodedByteCount,
      troubles: window.troubles,
      audio: window.hls.audioTracks.map((one) => one.lang),
      text: window.hls.subtitleTracks.map((one) => one.lang),
    };
  });

async function plays(page, from_s) {
  const first = await until(`${from_s} s`, async () => {
    const now = await look(page);
    return now.time > from_s + 0.3 && now;
  }, PLAY_MS_MAX);
  return until('frames and sound to advance', async () => {
    const now = await look(page);
    return now.time > first.time + 0.8 && now.frames > first.frames + 8 && now.audible > first.audible && now;
  }, PLAY_MS_MAX);
}

async function walk(page, base, title, several) {
  const { data } = title;
  // A page of the program's own origin without its scripts: the manifest is then same-origin.
  await page.route(`${base}/hls-bench`, (route) =>
    route.fulfill({ contentType: 'text/html', body: '<!doctype html><video muted playsinline></video>' }));
  await page.goto(`${base}/hls-bench`);
  await page.addScriptTag({ content: SCRIPT });
  await page.evaluate(begin, new URL(data.hls, base).href);
  const now = await plays(page, 0);
  assert.ok(Math.abs(now.duration - SECONDS) < 1, `lasts ${now.duration} s`);
  for (const share of [0.6, 0.1, 0.8]) {
    await page.evaluate((at) => (document.querySelector('video').currentTime = at), SECONDS * share);
    await plays(page, SECONDS * share);
    await page.evaluate(() => (document.querySelector('video').currentTime = 2));
  }
  if (several) {
    assert.equal(now.audio.length, 2, `sound: ${now.audio}`);
    assert.equal(now.text.length, 2, `subtitles: ${now.text}`);
    await page.evaluate(() => (window.hls.audioTrack = 1 - window.hls.audioTrack));
    await plays(page, (await look(page)).time);
    await page.evaluate(() => {
      window.hls.subtitleDisplay = true;
      window.hls.subtitleTrack = 0;
    });
    await page.waitForFunction(
      () => [...document.querySelector('video').textTracks].some((one) => (one.cues?.length ?? 0) > 0),
      null,
      { timeout: PLAY_MS_MAX },
    );
  }
  assert.deepEqual((await look(page)).troubles, []);
}

export default function hls({ base, browser, cinema, library }) {
  for (const [name, pick, several] of [
    ['H.264 with two languages', () => library.lamp, true],
    ['VP9', () => library.moon, false],
  ]) {
    test(`hls.js plays ${name}, seeks and switches without a single error`, async () => {
      need(pick(), `no playable title: ${library.importOutput}`);
      const answer = await cinema.ask('POST', `/v1/titles/${pick().id}/play`, {});
      const { context, page } = await open(browser, { bypassCSP: true });
      try {
        await walk(page, base, answer, several);
      } finally {
        await context.close();
      }
    }, 240_000);
  }
}
