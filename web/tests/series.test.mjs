// A series as it is watched: from its page through its seasons, one episode after another.
import assert from 'node:assert/strict';
import { settled, shot, withPage } from './browser.mjs';
import { until } from './cinema.mjs';
import { EPISODE_SECONDS } from './films.mjs';
import { need, test } from './harness.mjs';
import { plays, state } from './player.test.mjs';

const PLAY_MS_MAX = 60_000;

async function near(page, at_s) {
  return until(`${at_s} s`, async () => {
    const { time } = await state(page);
    return time >= at_s - 0.2 && time < at_s + 6;
  }, PLAY_MS_MAX);
}

const noErrors = async (page) => assert.equal((await state(page)).errors, 0, 'errors of the player');

export default function series({ base, browser, cinema, library }) {
  const page_of = () => {
    need(library.series, `no series: ${library.importOutput}`);
    return `${base}/title/${library.series.id}`;
  };
  // Ids of the episodes by "season.episode".
  async function ids() {
    const { seasons } = await cinema.get(`/v1/titles/${library.series.id}`);
    return Object.fromEntries(
      seasons.flatMap(({ number, episodes }) => episodes.map((one) => [`${number}.${one.number}`, one.id])),
    );
  }

  test('the seasons of a series stand in order, the specials last', () => {
    const url = page_of();
    return withPage(browser, async (page) => {
      await page.goto(url);
      const tabs = page.getByRole('group', { name: 'Сезоны' }).getByRole('button');
      await tabs.first().waitFor();
      assert.deepEqual((await tabs.allInnerTexts()).map((text) => text.trim()), ['Сезон 1', 'Сезон 2', 'Спецвыпуски']);
      assert.equal(await tabs.first().getAttribute('aria-pressed'), 'true');
      await page.getByRole('heading', { name: '1. Первый огонь' }).waitFor();
      await page.getByRole('link', { name: 'Смотреть: Сезон 1, Серия 1' }).waitFor();
      await tabs.last().click();
      const id = (await ids())['0.1'];
      await page.locator(`a[href="/watch/${id}"][data-id="episode-${id}"]`).waitFor();
      assert.equal(await page.locator('[data-id^="episode-"]').count(), 1);
      await page.getByRole('button', { name: 'EN' }).click();
      await page.getByRole('button', { name: 'Specials' }).waitFor();
      await shot(page, 'series');
    });
  });

  test('an episode plays, the next one by button, by key and across seasons, to the end', () => {
    const url = page_of();
    return withPage(browser, async (page) => {
      const id = await ids();
      await page.goto(url);
      await page.getByRole('button', { name: 'Сезон 1' }).click();
      await page.locator(`[data-id="episode-${id['1.1']}"]`).click();
      await page.waitForURL(`**/watch/${id['1.1']}`);
      const { duration } = await plays(page);
      assert.ok(Math.abs(duration - EPISODE_SECONDS) < 1, `lasts ${duration} s`);
      await page.getByText('Хранители фонаря · Сезон 1, Серия 1').waitFor();
      await noErrors(page);

      // The end offers the next one and does not wait for ever; here the viewer is faster.
      await page.keyboard.press('9');
      const card = page.locator('.end');
      await card.getByRole('heading', { name: 'Серия 2' }).waitFor({ timeout: PLAY_MS_MAX });
      await shot(page, 'series-next');
      await page.waitForFunction(() => document.activeElement?.closest('.end') !== null);
      await page.keyboard.press('Enter');
      await page.waitForURL(`**/watch/${id['1.2']}`);
      await plays(page);
      await noErrors(page);

      await page.keyboard.press('n');
      await page.waitForURL(`**/watch/${id['2.1']}`);
      await plays(page);
      await noErrors(page);

      await page.mouse.move(300, 300);
      await page.getByRole('button', { name: 'Следующая серия' }).click();
      await page.waitForURL(`**/watch/${id['2.2']}`);
      await plays(page);
      assert.equal(await page.getByRole('button', { name: 'Следующая серия' }).count(), 0, 'the last has no next');
      await page.keyboard.press('9');
      await card.getByRole('heading', { name: 'Конец' }).waitFor({ timeout: PLAY_MS_MAX });
      await noErrors(page);
    });
  }, 300_000);

  test('the next episode begins by itself', () => {
    page_of();
    return withPage(browser, async (page) => {
      const id = await ids();
      await page.goto(`${base}/watch/${id['1.1']}`);
      await plays(page);
      await page.keyboard.press('9');
      await page.waitForURL(`**/watch/${id['1.2']}`, { timeout: PLAY_MS_MAX });
      await plays(page);
      await noErrors(page);
    });
  }, 240_000);

  test('an episode left half-way is marked on the series’ page, goes on from there and is on the home page', () => {
    const url = page_of();
    return withPage(browser, async (page) => {
      const id = await ids();
      await page.goto(`${base}/watch/${id['2.1']}`);
      await plays(page);
      await page.keyboard.press('5');
      await near(page, EPISODE_SECONDS / 2);
      await page.keyboard.press('Escape');
      await page.waitForURL(/\/title\//);
      await page.goto(url);
      const season = page.getByRole('button', { name: 'Сезон 2' });
      await season.waitFor();
      assert.equal(await season.getAttribute('aria-pressed'), 'true', 'the season begun is open');
      const bar = page.locator(`[data-id="episode-${id['2.1']}"] [role="progressbar"]`);
      await bar.waitFor();
      const percent = Number(await bar.getAttribute('aria-valuenow'));
      assert.ok(percent >= 45 && percent <= 90, `${percent} %`);
      await shot(page, 'series-begun');
      await page.goto(base);
      const again = page.locator(`a[data-id="continue-${id['2.1']}"]`);
      await again.locator('.name', { hasText: 'Хранители фонаря' }).waitFor();
      await again.getByText('Сезон 2, Серия 1').waitFor();
      await page.goto(url);
      await page.getByRole('link', { name: 'Продолжить: Сезон 2, Серия 1' }).click();
      await page.waitForURL(`**/watch/${id['2.1']}*`);
      const { time } = await plays(page);
      assert.ok(time >= EPISODE_SECONDS / 2 - 2, `went on at ${time} s`);
      await noErrors(page);
    });
  }, 240_000);

  test('the page of an episode names its series and leads back to it', () => {
    page_of();
    return withPage(browser, async (page) => {
      const id = await ids();
      await page.goto(`${base}/title/${id['0.1']}`);
      await settled(page);
      await page.getByText('Спецвыпуски, Серия 1').waitFor();
      await page.waitForFunction(() => document.title.includes('Хранители фонаря'));
      await page.getByRole('link', { name: 'Хранители фонаря' }).click();
      await page.getByRole('heading', { level: 1, name: 'Хранители фонаря' }).waitFor();
    });
  });
}
