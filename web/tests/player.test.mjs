// The player on real films: plays, seeks, changes sound and subtitles, remembers where it stopped,
// and meets no error on the way, the harmless ones included.
import assert from 'node:assert/strict';
import { shot, withPage } from './browser.mjs';
import { until } from './cinema.mjs';
import { CUES, EPISODE_SECONDS, SECONDS } from './films.mjs';
import { need, test } from './harness.mjs';

const PLAY_MS_MAX = 60_000;

export const state = (page) =>
  page.evaluate(() => {
    const video = document.querySelector('video');
    const player = document.querySelector('.player');
    return {
      state: player?.dataset.state ?? '',
      errors: Number(player?.dataset.errors ?? -1),
      time: video?.currentTime ?? 0,
      duration: video?.duration ?? 0,
      paused: video?.paused ?? true,
      frames: video?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
      dropped: video?.getVideoPlaybackQuality().droppedVideoFrames ?? 0,
      audible: video?.webkitAudioDecodedByteCount ?? 0,
    };
  });

// Time, frames and sound go on.
export async function plays(page, from_s = 0) {
  const begin = await until(
    `the film to play past ${from_s} s`,
    async () => {
      const now = await state(page);
      assert.notEqual(now.state, 'failed', 'the player failed');
      return !now.paused && now.time > from_s + 0.3 && now;
    },
    PLAY_MS_MAX,
  );
  return until(
    'frames and sound to advance',
    async () => {
      const now = await state(page);
      return now.time > begin.time + 0.8 && now.frames > begin.frames + 8 && now.audible > begin.audible && now;
    },
    PLAY_MS_MAX,
  );
}

async function seek(page, key, at_s) {
  await page.keyboard.press(key);
  return until(
    `${at_s} s`,
    async () => {
      const now = await state(page);
      return Math.abs(now.time - at_s) < 3 && now.time >= at_s - 0.2;
    },
    PLAY_MS_MAX,
  );
}

async function choose(page, menu, item) {
  await page.mouse.move(200 + Math.random() * 50, 200);
  await page.getByRole('button', { name: menu, exact: true }).click();
  await page.getByRole('menuitemradio', { name: item }).click();
}

const cueShown = (page, text) =>
  page.waitForFunction(
    (wanted) => document.querySelector('.subtitles')?.textContent?.includes(wanted),
    text,
    { timeout: PLAY_MS_MAX },
  );

const noErrors = async (page) => assert.equal((await state(page)).errors, 0, 'errors of the player');

export default function player({ base, browser, library }) {
  const lamp = () => {
    need(library.lamp, `no playable title: ${library.importOutput}`);
    return `${base}/watch/${library.lamp.id}`;
  };

  test('the title page of a film offers its sound, subtitles and people', () => {
    lamp();
    return withPage(browser, async (page) => {
      await page.goto(`${base}/title/${library.lamp.id}`);
      await page.locator('a[href^="/watch/"]').first().waitFor();
      await page.getByText('Анна Верхова').first().waitFor();
      await page.getByText('Русский').first().waitFor();
      await shot(page, 'title');
    });
  });

  test('DASH in Shaka plays, seeks and draws its subtitles', () => {
    const url = lamp();
    const manifests = [];
    return withPage(browser, async (page) => {
      page.on('request', (request) => /\.(mpd|m3u8)/.test(request.url()) && manifests.push(request.url()));
      await page.goto(url);
      const now = await plays(page);
      assert.ok(Math.abs(now.duration - SECONDS) < 1, `lasts ${now.duration} s`);
      assert.ok(manifests.some((one) => one.includes('.mpd')), manifests.join());
      await seek(page, '5', SECONDS / 2);
      await plays(page, SECONDS / 2);
      await seek(page, '1', SECONDS / 10);
      await plays(page, SECONDS / 10);
      await choose(page, 'Субтитры', /Русский/);
      await cueShown(page, CUES.ru);
      const low = await page.evaluate(() => {
        const box = document.querySelector('.subtitles .shaka-text-container span').getBoundingClientRect();
        return box.top > innerHeight / 2 && box.bottom <= innerHeight;
      });
      assert.ok(low, 'subtitles stand in the lower half');
      await shot(page, 'player-subtitles');
      await choose(page, 'Субтитры', /Английский/);
      await cueShown(page, CUES.en);
      await choose(page, 'Субтитры', /Выкл|Нет/);
      await page.waitForFunction(() => !document.querySelector('.subtitles')?.textContent?.trim());
      await noErrors(page);
    });
  }, 240_000);

  test('the sound is switched while the film goes on', () => {
    const url = lamp();
    return withPage(browser, async (page) => {
      await page.goto(url);
      await plays(page);
      await choose(page, 'Звук', /Английский/);
      await page.mouse.move(300, 300);
      await page.getByRole('button', { name: 'Звук', exact: true }).click();
      const english = page.getByRole('menuitemradio', { name: /Английский/ });
      await english.waitFor();
      assert.equal(await english.getAttribute('aria-checked'), 'true');
      await page.keyboard.press('Escape');
      await plays(page, (await state(page)).time);
      await noErrors(page);
    });
  }, 180_000);

  test('the VP9 film plays and seeks', () => {
    need(library.moon, `no playable title: ${library.importOutput}`);
    return withPage(browser, async (page) => {
      await page.goto(`${base}/watch/${library.moon.id}`);
      await plays(page);
      await seek(page, '7', SECONDS * 0.7);
      await plays(page, SECONDS * 0.7);
      await noErrors(page);
    });
  }, 180_000);

  test('the AV1 film plays and seeks', () => {
    need(library.av1, `no playable title: ${library.importOutput}`);
    return withPage(browser, async (page) => {
      const types = [];
      page.on('response', async (one) => one.url().includes('.mpd') && types.push(await one.text()));
      await page.goto(`${base}/watch/${library.av1.id}`);
      await plays(page);
      assert.match(types.join(), /codecs="av01/, 'the film stayed AV1');
      await seek(page, '5', EPISODE_SECONDS / 2);
      await plays(page, EPISODE_SECONDS / 2);
      await noErrors(page);
    });
  }, 180_000);

  test('a film in a codec the browser has not says so in both languages and leads back', async () => {
    need(library.hevc, `no playable title: ${library.importOutput}`);
    for (const [language, heading, reason, back] of [
      ['ru', 'Этот браузер не покажет этот фильм', /только в формате HEVC/, 'Назад'],
      ['en', 'This browser cannot show this film', /only in HEVC/, 'Back'],
    ]) {
      await withPage(browser, async (page) => {
        await page.addInitScript((code) => localStorage.setItem('kb.lang', JSON.stringify(code)), language);
        await page.goto(`${base}/title/${library.hevc.id}`);
        const can = await page.evaluate(() => MediaSource.isTypeSupported('video/mp4; codecs="hvc1.1.6.L60.90"'));
        need(!can, 'this browser decodes HEVC');
        await page.goto(`${base}/watch/${library.hevc.id}`);
        const alert = page.getByRole('alert');
        await alert.getByRole('heading', { name: heading }).waitFor();
        await alert.getByText(reason).waitFor();
        assert.equal(await page.locator('.spinner').count(), 0, 'nothing turns');
        await shot(page, `player-hevc-${language}`);
        // The only way on has the focus.
        await page.waitForFunction((name) => document.activeElement?.textContent?.trim() === name, back);
        await page.keyboard.press('Enter');
        await page.waitForURL(/\/title\//);
      });
    }
  }, 180_000);

  test('HLS in Shaka plays, seeks and draws its subtitles', () => {
    const url = lamp();
    return withPage(browser, async (page) => {
      // The program's own page asked to play the other manifest: DASH's address is answered by HLS's.
      await page.route('**/v1/titles/*/play*', async (route) => {
        const answer = await route.fetch();
        const body = await answer.json();
        await route.fulfill({ response: answer, json: { ...body, dash: body.hls } });
      });
      const lists = [];
      page.on('request', (request) => request.url().includes('.m3u8') && lists.push(request.url()));
      // Wished for beforehand: once all of a short film is buffered, Shaka ends the stream and takes
      // no segmented text of HLS any more.
      await page.addInitScript(() => localStorage.setItem('kb.player', JSON.stringify({ text: 'ru' })));
      await page.goto(url);
      await plays(page);
      assert.ok(lists.length > 0);
      await cueShown(page, CUES.ru);
      await seek(page, '5', SECONDS / 2);
      await plays(page, SECONDS / 2);
      await cueShown(page, CUES.ru);
      await choose(page, 'Звук', /Английский/);
      await plays(page, (await state(page)).time);
      await noErrors(page);
    });
  }, 240_000);

  test('a film goes on where it was left, after a reload too', () => {
    const url = lamp();
    return withPage(browser, async (page) => {
      await page.goto(url);
      await plays(page);
      await seek(page, '5', SECONDS / 2);
      const { time } = await plays(page, SECONDS / 2);
      await page.reload();
      const after = await plays(page);
      assert.ok(after.time >= time - 2 && after.time < time + 20, `left at ${time} s, went on at ${after.time} s`);
      await page.keyboard.press('Escape');
      await page.waitForURL(/\/title\//);
      await page.getByRole('link', { name: /Продолжить/ }).waitFor();
      await page.goto(base);
      await page.locator(`a[data-id="continue-${library.lamp.id}"]`).waitFor();
      await shot(page, 'home-continue');
    });
  }, 180_000);

  test('the end of the film is an end', () => {
    const url = lamp();
    return withPage(browser, async (page) => {
      await page.goto(url);
      await plays(page);
      await page.keyboard.press('9');
      await page.waitForFunction(() => document.querySelector('video')?.ended, null, { timeout: PLAY_MS_MAX });
      await page.getByRole('button', { name: 'Смотреть снова' }).waitFor();
      await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'Смотреть снова');
      await page.keyboard.press('Enter');
      await plays(page);
      await noErrors(page);
    });
  }, 180_000);

  test('the player on a phone', () => {
    const url = lamp();
    return withPage(browser, async (page) => {
      await page.goto(url);
      await plays(page);
      await page.mouse.move(100, 300);
      await shot(page, 'player-360');
    }, { viewport: { width: 360, height: 780 } });
  });

  test('a title without a film cannot be watched by its address', () =>
    withPage(browser, async (page) => {
      const { items } = await (await fetch(`${base}/v1/titles?limit=100`)).json();
      const none = items.find((one) => !one.playable);
      await page.goto(`${base}/watch/${none.id}`);
      await page.getByText(/пока нет/i).first().waitFor();
    }, { forgive: [/409/] }));
}
