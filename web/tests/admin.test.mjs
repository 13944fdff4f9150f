// The admin as its editor meets it; what is changed there is looked at with a viewer's eyes.
import assert from 'node:assert/strict';
import { shot, withPage } from './browser.mjs';
import { until } from './cinema.mjs';
import { need, test } from './harness.mjs';

const WRONG_KEY = 'AAAA-BBBB-CCCC-DDDD-EEEE-FFFF-GGGG-HHHH';

export async function signIn(page, { base, cinema }, path = '/admin') {
  await page.goto(base + path);
  await page.getByLabel('Ключ администратора').fill(cinema.key);
  await page.getByRole('button', { name: 'Войти' }).click();
  await page.getByRole('navigation', { name: 'Разделы управления' }).waitFor();
}

const field = (page, name) => page.locator(`[name="${name}"]`);

async function save(page) {
  await page.getByRole('button', { name: 'Сохранить' }).click();
}

async function editing(page, house, id) {
  await signIn(page, house, `/admin/titles/${id}`);
  await field(page, 'title.ru').waitFor();
}

export default function admin(house) {
  const { base, browser, cinema, titles, library } = house;

  test('signing in: a wrong key is refused, the right one opens, signing out closes', () =>
    withPage(
      browser,
      async (page) => {
        await page.goto(`${base}/admin`);
        await page.getByLabel('Ключ администратора').fill(WRONG_KEY);
        await page.getByRole('button', { name: 'Войти' }).click();
        await page.getByText('Это не тот ключ').waitFor();
        await shot(page, 'admin-sign-in');
        await signIn(page, house);
        await page.reload();
        await page.getByRole('navigation', { name: 'Разделы управления' }).waitFor();
        await page.getByRole('button', { name: 'Выйти' }).click();
        await page.getByLabel('Ключ администратора').waitFor();
        await page.reload();
        await page.getByLabel('Ключ администратора').waitFor();
      },
      { forgive: [/401/] },
    ));

  test('a new title: created, filled in another language, published, seen by a viewer', () =>
    withPage(browser, async (page) => {
      await signIn(page, house, '/admin/titles');
      await page.getByRole('link', { name: 'Новая карточка' }).click();
      await field(page, 'title.ru').fill('Стачка');
      await field(page, 'genres').fill('drama');
      await field(page, 'year').fill('1925');
      await page.getByRole('button', { name: 'Создать черновик' }).click();
      await page.waitForURL(/\/admin\/titles\/\d+$/);
      const id = /\d+$/.exec(page.url())[0];
      await page.getByLabel('Код языка').fill('fr');
      await page.getByRole('button', { name: 'Добавить язык' }).click();
      await field(page, 'title.fr').fill('La Grève');
      await field(page, 'synopsis.ru').fill('Немая драма о заводе.');
      await save(page);
      await page.getByText('Сохранено.').waitFor();
      assert.equal((await fetch(`${base}/v1/titles/${id}`)).status, 404, 'a draft is hidden');
      await page.getByRole('button', { name: 'Опубликовать', exact: true }).click();
      await page.getByText('Опубликовано: зрители это видят.').waitFor();
      await page.getByText('Закреплено').first().waitFor();
      await shot(page, 'admin-edit');
      const fr = await (await fetch(`${base}/v1/titles/${id}?lang=fr`)).json();
      assert.equal(fr.title, 'La Grève');
      await page.getByRole('link', { name: 'Глазами зрителя' }).click();
      await page.getByRole('heading', { level: 1, name: 'Стачка' }).waitFor();
      await page.getByText('Немая драма о заводе.').waitFor();
    }));

  test('the list of titles: all statuses, by status, by the beginning of a name', () =>
    withPage(browser, async (page) => {
      await cinema.ask('POST', '/v1/titles', { kind: 'film', texts: { ru: { title: 'Незаконченное' } } });
      await signIn(page, house, '/admin/titles');
      await page.getByRole('link', { name: 'Незаконченное' }).waitFor();
      await page.getByRole('link', { name: 'Метрополис' }).waitFor();
      await shot(page, 'admin-titles');
      await page.getByLabel('Статус').selectOption('draft');
      await page.getByRole('link', { name: 'Метрополис' }).waitFor({ state: 'detached' });
      await page.getByRole('link', { name: 'Незаконченное' }).waitFor();
      await page.getByLabel('Статус').selectOption('');
      await page.getByLabel('Начало названия').fill('метр');
      await page.getByRole('link', { name: 'Метрополис' }).waitFor();
      await page.getByRole('link', { name: 'Незаконченное' }).waitFor({ state: 'detached' });
    }));

  test('an edit is seen by viewers at once', () =>
    withPage(browser, async (page, context) => {
      await editing(page, house, titles.Nosferatu);
      await field(page, 'title.ru').fill('Носферату, симфония ужаса');
      await field(page, 'runtime_min').fill('94');
      await save(page);
      await page.getByText('Сохранено.').waitFor();
      const viewer = await context.newPage();
      await viewer.goto(`${base}/title/${titles.Nosferatu}`);
      await viewer.getByRole('heading', { level: 1, name: 'Носферату, симфония ужаса' }).waitFor();
    }));

  test('what the server refuses is said at the field and nothing typed is lost', () =>
    withPage(
      browser,
      async (page) => {
        await editing(page, house, titles.Metropolis);
        await field(page, 'tagline.ru').fill('Посредник');
        await field(page, 'year').fill('17');
        await save(page);
        await page.getByText('Не принято').waitFor();
        assert.equal(await field(page, 'year').getAttribute('aria-invalid'), 'true');
        assert.equal(await field(page, 'tagline.ru').inputValue(), 'Посредник');
        await field(page, 'year').fill('abc');
        await save(page);
        await page.getByText('Нужно целое число').waitFor();
        await field(page, 'year').fill('1927');
        await save(page);
        await page.getByText('Сохранено.').waitFor();
      },
      { forgive: [/400/] },
    ));

  test('a conflict: what happened is said, both values are shown, the typed one wins when saved again', () =>
    withPage(
      browser,
      async (page) => {
        const path = `/v1/titles/${titles['The General']}`;
        await editing(page, house, titles['The General']);
        await field(page, 'title.ru').fill('Паровоз «Генерал»');
        const { etag } = await cinema.ask('GET', `${path}/edit`);
        await cinema.ask('PATCH', path, { year: 1927, texts: { ru: { title: 'Генерал (другой)' } } }, { 'If-Match': etag });
        await save(page);
        await page.getByText('Карточку изменили, пока вы её правили').waitFor();
        assert.equal(await field(page, 'title.ru').inputValue(), 'Паровоз «Генерал»');
        assert.equal(await field(page, 'year').inputValue(), '1927');
        await page.getByText('Сейчас на сервере: Генерал (другой)').waitFor();
        await shot(page, 'admin-conflict');
        await save(page);
        await page.getByText('Сохранено.').waitFor();
        const now = await cinema.get(`${path}?lang=ru`);
        assert.equal(now.title, 'Паровоз «Генерал»');
        assert.equal(now.year, 1927);
      },
      { forgive: [/412/] },
    ));

  test('the import form runs an import to its end', () =>
    withPage(browser, async (page) => {
      await signIn(page, house, '/admin/import');
      await page.locator('[data-import]').first().waitFor();
      const before = await page.locator('[data-import]').count();
      await page.getByLabel('Папки или файлы').fill('films');
      await page.getByRole('button', { name: 'Импортировать' }).click();
      await page.getByText('каждый от корня').waitFor();
      await page.getByLabel('Папки или файлы').fill(library.doubtful);
      await page.getByRole('button', { name: 'Импортировать' }).click();
      await page.waitForFunction((n) => document.querySelectorAll('[data-import]').length > n, before);
      const mine = page.locator('[data-import]').first();
      await mine.locator('[data-state="done"]').first().waitFor({ timeout: 120_000 });
      await mine.locator('[data-file-state="review"]').waitFor();
      await mine.getByText('Third Moon.webm').waitFor();
      await mine.getByText('ни файл, ни его папка не называют года').waitFor();
      await shot(page, 'admin-import');
    }), 180_000);

  test('a file in doubt is decided upon', () =>
    withPage(browser, async (page) => {
      await signIn(page, house, '/admin/reviews');
      const card = page.locator('[data-review]').filter({ hasText: 'Third Moon.webm' });
      await card.waitFor();
      await shot(page, 'admin-reviews');
      await card.getByLabel('Название').fill('Третья луна');
      await card.getByLabel('Год').fill('2012');
      await card.getByRole('button', { name: 'Создать' }).click();
      await page.getByText('Решено.').waitFor();
      await card.waitFor({ state: 'detached' });
      assert.deepEqual((await cinema.get('/v1/reviews')).items.filter((one) => one.path.includes('Third Moon')), []);
    }));

  test('what was decided is carried out: the title is there', async () => {
    const found = await until('the new title', async () => {
      const { items } = await cinema.get('/v1/titles?status=any&lang=ru&prefix=%D1%82%D1%80%D0%B5%D1%82');
      return items.find((one) => one.title === 'Третья луна');
    }, 60_000);
    assert.equal(found.year, 2012);
  });

  test('the queue shows its jobs by state', () =>
    withPage(browser, async (page) => {
      await signIn(page, house, '/admin/queue');
      await page.locator('[data-job]').first().waitFor();
      await shot(page, 'admin-queue');
      const kinds = await page.locator('[data-job] [data-kind]').allInnerTexts();
      assert.deepEqual(kinds.filter((text) => !/^[А-Яа-яё ]+$/.test(text)), [], 'kinds that are not in Russian');
      await page.getByLabel('Состояние').selectOption('done');
      await page.waitForURL(/state=done/);
      await page.waitForFunction(() =>
        [...document.querySelectorAll('[data-job] [data-state]')].every((one) => one.dataset.state === 'done'));
      assert.ok((await page.locator('[data-job]').count()) > 0);
    }));

  test('a failed job says why and is tried again', async () => {
    const { writeFileSync, mkdirSync } = await import('node:fs');
    const folder = `${house.folder}/broken`;
    mkdirSync(folder);
    writeFileSync(`${folder}/Broken Reel (1999).mkv`, 'this is no film');
    await cinema.import(folder);
    // The file is told to have failed a moment before its job is.
    await until('the job to fail', async () =>
      (await cinema.get('/v1/jobs?state=failed')).items.some((one) => one.subject.includes('Broken Reel')));
    await withPage(browser, async (page) => {
      await signIn(page, house, '/admin/queue?state=failed');
      const job = page.locator('[data-job]').filter({ hasText: 'Broken Reel' });
      await job.waitFor();
      const id = await job.getAttribute('data-job');
      const told = await job.locator('p.error').innerText();
      assert.equal(told, 'фильм не читается: сбой, о котором ниже сказано по-английски');
      assert.match(await job.locator('p[lang=en]').innerText(), /[Ii]nvalid data/);
      const again = page.waitForResponse((one) => one.url().endsWith('/retry'));
      await job.getByRole('button', { name: 'Повторить' }).click();
      assert.equal((await again).status(), 204);
      await until('the job to fail again', async () => {
        const now = (await cinema.get('/v1/jobs?limit=100')).items.find((one) => one.id === id);
        return now?.state === 'failed';
      });
    });
  });

  test('a draft is to be published when its film is there; it is seen to wait, and taken back', async () => {
    const { data } = await cinema.ask('POST', '/v1/titles', { kind: 'film', texts: { ru: { title: 'Аэлита' }, en: { title: 'Aelita' } } });
    await withPage(browser, async (page) => {
      await editing(page, house, data.id);
      await page.getByRole('button', { name: 'Опубликовать, когда готово' }).click();
      await page.getByText('Будет опубликовано, как только фильм сохранён').waitFor();
      await page.getByRole('navigation', { name: 'Разделы управления' }).getByText('Процессы').click();
      const saga = page.locator('[data-saga]').filter({ hasText: 'Aelita' });
      await saga.locator('[data-state="running"]').first().waitFor();
      await saga.getByRole('link').click();
      await saga.getByText('Начат шаг: фильм сохранён').waitFor();
      await shot(page, 'admin-processes');
      await saga.getByRole('button', { name: 'Отменить сделанное' }).click();
      await saga.locator('[data-state="undone"]').first().waitFor();
      await saga.getByText('Всё отменено').waitFor();
      await page.getByLabel('Состояние').selectOption('undone');
      await page.waitForURL(/state=undone/);
      await saga.waitFor();
    });
    assert.equal((await cinema.get(`/v1/titles/${data.id}`)).status, 'draft');
  });

  test('a timer is paused and goes on', () =>
    withPage(browser, async (page) => {
      await signIn(page, house, '/admin/processes');
      const timer = page.locator('[data-timer="flow.prune"]');
      await timer.getByText('следующий раз').waitFor();
      await timer.getByRole('button', { name: 'Приостановить' }).click();
      await timer.getByText('Приостановлен', { exact: true }).waitFor();
      await timer.getByRole('button', { name: 'Возобновить' }).click();
      await timer.getByText('следующий раз').waitFor();
    }));

  test('the health page', async () => {
    const { status } = await fetch(`${base}/v1/health`);
    need(status !== 404, 'the program has no /v1/health');
    await withPage(browser, async (page) => {
      await signIn(page, house, '/admin/health');
      await page.getByText('content.db').first().waitFor();
      await page.getByText('Свободно на диске').waitFor();
      await shot(page, 'admin-health');
    });
  });

  test('nothing is asked while nobody looks', () =>
    withPage(browser, async (page) => {
      await page.addInitScript(() => {
        window.unseen = false;
        Object.defineProperty(document, 'hidden', { get: () => window.unseen });
      });
      let asked = 0;
      page.on('request', (request) => (asked += Number(request.url().includes('/v1/jobs'))));
      await signIn(page, house, '/admin/queue');
      await page.locator('[data-job]').first().waitFor();
      await page.evaluate(() => (window.unseen = true));
      await page.waitForTimeout(2500);
      const before = asked;
      await page.waitForTimeout(4000);
      assert.equal(asked, before, 'asked while hidden');
      await page.evaluate(() => {
        window.unseen = false;
        document.dispatchEvent(new Event('visibilitychange'));
      });
      await page.waitForResponse((one) => one.url().includes('/v1/jobs'));
    }));

  test('after too many wrong keys the form says how long to wait', () =>
    withPage(
      browser,
      async (page) => {
        await page.goto(`${base}/admin`);
        for (let n = 0; n < 12; n += 1) {
          await page.getByLabel('Ключ администратора').fill(WRONG_KEY);
          const answer = page.waitForResponse((one) => one.url().endsWith('/v1/session') && one.request().method() === 'POST');
          await page.getByRole('button', { name: 'Войти' }).click();
          if ((await answer).status() === 429) break;
        }
        await page.getByText(/Попробуйте через \d+ с/).waitFor();
        assert.equal(await page.getByRole('button', { name: 'Войти' }).isDisabled(), true);
      },
      { forgive: [/401/, /429/] },
    ));
}
