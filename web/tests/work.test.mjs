// The admin's work that takes turns: jobs stopped and begun again, titles taken off and put back,
// files in doubt decided in each way there is.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { signIn } from './admin.test.mjs';
import { shot, withPage } from './browser.mjs';
import { until } from './cinema.mjs';
import { makeDoubtful, makeLongFilm } from './films.mjs';
import { test } from './harness.mjs';

const WORK_MS_MAX = 120_000;

export default function work(house) {
  const { base, browser, cinema, folder, library, titles } = house;

  const job = (page) => page.locator('[data-job]').filter({ hasText: 'Endless Reel' });
  const queueAt = async (page, state) => {
    await page.getByLabel('Состояние').selectOption(state);
    await page.waitForURL(state ? new RegExp(`state=${state}`) : /queue$/);
  };
  const stateOf = async (id) => (await cinema.get('/v1/jobs?limit=100')).items.find((one) => one.id === id)?.state;

  test('a running job is cancelled, a cancelled one is queued again', async () => {
    const film = await makeLongFilm(join(folder, 'endless'));
    await cinema.ask('POST', '/v1/imports', { paths: [film] });
    await withPage(browser, async (page) => {
      await signIn(page, house, '/admin/queue');
      await queueAt(page, 'running');
      const running = job(page);
      await running.locator('[role="progressbar"]').waitFor({ timeout: WORK_MS_MAX });
      const id = await running.getAttribute('data-job');
      await shot(page, 'admin-queue-running');
      const stopped = page.waitForResponse((one) => one.url().endsWith(`/jobs/${id}/cancel`));
      await running.getByRole('button', { name: 'Отменить' }).click();
      assert.equal((await stopped).status(), 204);
      await until('the job to stop', async () => (await stateOf(id)) === 'cancelled', WORK_MS_MAX);
      await running.waitFor({ state: 'detached' });
      await queueAt(page, 'cancelled');
      await job(page).getByText('Отменено').waitFor();
      await shot(page, 'admin-queue-cancelled');
      await job(page).getByRole('button', { name: 'Повторить' }).click();
      await until('the job to run again', async () => ['queued', 'running'].includes(await stateOf(id)), WORK_MS_MAX);
      await queueAt(page, '');
      await job(page).getByRole('button', { name: 'Отменить' }).click();
      await until('the job to stop again', async () => (await stateOf(id)) === 'cancelled', WORK_MS_MAX);
    });
  }, 300_000);

  test('a title is archived and published again', () =>
    withPage(
      browser,
      async (page, context) => {
        const id = titles['Battleship Potemkin'];
        const viewer = await context.newPage();
        await signIn(page, house, `/admin/titles/${id}`);
        await page.getByRole('button', { name: 'В архив' }).click();
        await page.getByText('В архиве: зрители этого больше не видят.').waitFor();
        assert.equal((await fetch(`${base}/v1/titles/${id}`)).status, 404);
        await viewer.goto(`${base}/films`);
        await viewer.getByRole('link', { name: /Метрополис/ }).waitFor();
        assert.equal(await viewer.getByRole('link', { name: /Потёмкин/ }).count(), 0);
        assert.equal(await page.getByRole('button', { name: 'В архив' }).count(), 0);
        await page.goto(`${base}/admin/titles?status=archived`);
        await page.getByRole('link', { name: /Потёмкин/ }).click();
        await page.getByRole('button', { name: 'Опубликовать', exact: true }).click();
        await page.getByText('Опубликовано: зрители это видят.').waitFor();
        await viewer.reload();
        await viewer.getByRole('link', { name: /Потёмкин/ }).waitFor();
      },
    ));

  test('files in doubt: it is this one, it is a new one, leave it out', async () => {
    const names = ['A Trip to the Moon', 'Unheard Of', 'Holiday Tape'];
    const doubtful = makeDoubtful(library.films, join(folder, 'attic'), names);
    await cinema.import(doubtful);
    const waiting = async () =>
      (await cinema.get('/v1/reviews')).items.filter((one) => one.path.startsWith(doubtful)).length;
    assert.equal(await waiting(), names.length);
    await withPage(browser, async (page) => {
      await signIn(page, house, '/admin/reviews');
      const card = (name) => page.locator('[data-review]').filter({ hasText: `${name}.webm` });
      await card('A Trip to the Moon').waitFor();
      await shot(page, 'admin-reviews-three');
      await card('A Trip to the Moon').getByRole('button', { name: /^Это оно/ }).click();
      await card('A Trip to the Moon').waitFor({ state: 'detached' });
      await card('Unheard Of').getByLabel('Название').fill('');
      await card('Unheard Of').getByRole('button', { name: 'Создать' }).click();
      await card('Unheard Of').getByText('Нужно название').waitFor();
      await card('Unheard Of').getByLabel('Название').fill('Неслыханное');
      await card('Unheard Of').getByLabel('Год').fill('1966');
      await card('Unheard Of').getByRole('button', { name: 'Создать' }).click();
      await card('Unheard Of').waitFor({ state: 'detached' });
      await card('Holiday Tape').getByRole('button', { name: 'Не брать' }).click();
      await card('Holiday Tape').waitFor({ state: 'detached' });
      assert.equal(await waiting(), 0);
    });
    const moon = titles['A Trip to the Moon'];
    await until('the film of the old title', async () => (await cinema.get(`/v1/titles/${moon}`)).playable, WORK_MS_MAX);
    const prefix = encodeURIComponent('неслых');
    const made = await until('the new title', async () =>
      (await cinema.get(`/v1/titles?status=any&prefix=${prefix}&lang=ru`)).items[0], WORK_MS_MAX);
    assert.equal(made.year, 1966);
    const { items } = await cinema.get('/v1/titles?status=any&prefix=holiday');
    assert.deepEqual(items, [], 'what was left out is no title');
  }, 240_000);

  test('an episode finds its series among more titles than a list shows', async () => {
    const draft = (kind, title) =>
      cinema.ask('POST', '/v1/titles', { kind, texts: { ru: { title } } }).then(({ data }) => data.id);
    const wanted = await draft('series', 'Ягодная гора');
    await draft('series', 'Ягодная долина');
    for (let n = 0; n < 110; n += 1) await draft(n % 2 ? 'film' : 'series', `Наполнитель ${n}`);
    await withPage(browser, async (page) => {
      await signIn(page, house, '/admin/titles/new');
      await page.getByLabel('Вид').selectOption('episode');
      const picker = page.getByRole('combobox', { name: 'Сериал' });
      await page.locator('[name="title.ru"]').fill('Первая ягода');
      await page.getByRole('button', { name: 'Создать черновик' }).click();
      await page.getByText('Выберите сериал.').waitFor();
      await picker.fill('такого нет');
      await page.getByText('Такого сериала нет.').waitFor();
      await picker.fill('ягод');
      const offers = page.getByRole('listbox', { name: 'Сериал' }).getByRole('option');
      await offers.filter({ hasText: 'Ягодная гора' }).waitFor();
      assert.equal(await offers.count(), 2);
      await shot(page, 'admin-series-picker');
      while (!/гора/.test(await page.locator('[role="option"][aria-selected="true"]').innerText())) {
        await page.keyboard.press('ArrowDown');
      }
      await page.keyboard.press('Enter');
      assert.match(await picker.inputValue(), /Ягодная гора/);
      await page.locator('[name="season"]').fill('2');
      await page.locator('[name="episode"]').fill('7');
      await page.getByRole('button', { name: 'Создать черновик' }).click();
      await page.waitForURL(/\/admin\/titles\/\d+$/);
      const made = await cinema.get(`/v1/titles/${/\d+$/.exec(page.url())[0]}`);
      assert.deepEqual([made.series_id, made.season, made.episode], [wanted, 2, 7]);
    });
  }, 240_000);
}
