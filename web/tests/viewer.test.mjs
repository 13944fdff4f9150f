// The cinema as a viewer meets it, except for playing.
import assert from 'node:assert/strict';
import { settled, shot, withPage } from './browser.mjs';
import { need, test } from './harness.mjs';

const WIDTHS = [360, 1280, 1920];

export default function viewer({ base, browser, cinema, titles, library }) {
  test('the import took both films', () => {
    need(library.lamp || library.moon || library.importCode === 0, library.importOutput);
    assert.equal(library.importCode, 0, library.importOutput);
    assert.ok(library.lamp, 'the H.264 film plays');
    assert.ok(library.moon, 'the VP9 film plays');
  });

  for (const width of WIDTHS) {
    test(`home at ${width} px shows its shelves`, () =>
      withPage(
        browser,
        async (page) => {
          await page.goto(base);
          await settled(page);
          const cards = page.locator('main section ul a[href^="/title/"]');
          assert.ok((await cards.count()) >= 6);
          const sideways = await page.evaluate(() => {
            scrollTo(500, 0);
            return scrollX;
          });
          assert.equal(sideways, 0, 'the page scrolls sideways');
          await shot(page, `home-${width}`);
        },
        { viewport: { width, height: width < 500 ? 800 : 1000 } },
      ));
  }

  test('the language is switched and stays', () =>
    withPage(browser, async (page) => {
      await page.goto(base);
      await settled(page);
      assert.equal(await page.getAttribute('html', 'lang'), 'ru');
      await page.getByRole('link', { name: 'Фильмы' }).waitFor();
      await page.getByRole('button', { name: 'EN' }).click();
      await page.getByRole('link', { name: 'Films' }).waitFor();
      await page.getByText('Metropolis').first().waitFor();
      await page.reload();
      await page.getByRole('link', { name: 'Films' }).waitFor();
      assert.equal(await page.getAttribute('html', 'lang'), 'en');
    }));

  test('search finds by the beginning of a word', () =>
    withPage(browser, async (page) => {
      await page.goto(`${base}/search`);
      await page.getByRole('textbox').fill('носф');
      await page.getByRole('link', { name: /Носферату/ }).waitFor();
      await page.getByRole('textbox').fill('movie');
      await page.getByRole('link', { name: /Человек с киноаппаратом/ }).waitFor();
      await page.waitForURL(/q=movie/);
      await page.getByRole('textbox').fill('щщщ');
      await page.getByText(/Ничего не нашлось|не найдено/i).first().waitFor();
      await shot(page, 'search-none');
    }));

  test('browse is narrowed by a genre and remembers it in its address', () =>
    withPage(browser, async (page) => {
      await page.goto(`${base}/films`);
      await settled(page);
      const cards = page.locator('.grid a[href^="/title/"]');
      const all = await cards.count();
      await page.locator('[data-row] button[aria-pressed="false"]').first().waitFor();
      const horror = page.getByRole('button', { name: /ужасы|хоррор/i });
      await horror.click();
      await page.waitForFunction((n) => document.querySelectorAll('.grid a').length < n, all);
      assert.deepEqual(await cards.allTextContents().then((texts) => texts.length), 1);
      assert.match(page.url(), /genre=horror/);
      await page.reload();
      await settled(page);
      assert.equal(await cards.count(), 1);
      await shot(page, 'browse-genre');
    }));

  test('a title without a film is marked and has no play button', () =>
    withPage(browser, async (page) => {
      await page.goto(`${base}/title/${titles.Metropolis}`);
      await page.getByRole('heading', { level: 1, name: 'Метрополис' }).waitFor();
      assert.equal(await page.locator('a[href^="/watch/"]').count(), 0);
      await page.getByText(/Фильма пока нет|пока нет/i).first().waitFor();
      await shot(page, 'title-nofilm');
      await page.goto(`${base}/films`);
      await settled(page);
      const card = page.locator(`.grid a[href="/title/${titles.Metropolis}"]`);
      assert.match(await card.innerText(), /нет/i);
    }));

  test('an address that is nothing says so', () =>
    withPage(browser, async (page) => {
      await page.goto(`${base}/nothing-here`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.goto(`${base}/title/999999999`);
      await page.getByRole('alert').waitFor();
    }, { forgive: [/404/] }));

  test('the API documents open without the network', () =>
    withPage(browser, async (page, context) => {
      const foreign = [];
      await context.route('**/*', (route) => {
        const url = route.request().url();
        if (url.startsWith(base) || url.startsWith('data:') || url.startsWith('blob:')) return route.continue();
        foreign.push(url);
        return route.abort();
      });
      await page.goto(`${base}/docs`);
      await page.locator('.opblock').first().waitFor();
      assert.ok((await page.locator('.opblock').count()) > 20);
      const event = page.locator('#events section', { hasText: 'title.changed' });
      await event.waitFor();
      assert.match(await event.textContent(), /status.*draft \| published \| archived/s);
      assert.deepEqual(foreign, []);
      await shot(page, 'docs');
    }));

  test('the arrow keys alone lead from home to a playing film', () => {
    need(library.lamp, `no playable title: ${library.importOutput}`);
    return withPage(browser, async (page) => {
      await page.goto(base);
      await settled(page);
      // To the film's card, wherever on the page it is: down a shelf at a time, then along it.
      const on = () => page.evaluate(() => document.activeElement?.getAttribute('href') ?? '');
      const isFilm = (href) => /^\/(title|watch)\//.test(href);
      await page.keyboard.press('ArrowDown');
      for (let n = 0; n < 12 && !isFilm(await on()); n += 1) await page.keyboard.press('ArrowDown');
      const playable = new Set([library.lamp, library.moon].filter(Boolean).map((one) => one.id));
      const plays = (href) => playable.has(href.split('/')[2]?.split('?')[0]);
      for (let n = 0; n < 10 && !plays(await on()); n += 1) await page.keyboard.press('ArrowRight');
      assert.ok(plays(await on()), `the focus is on ${await on()}`);
      await page.keyboard.press('Enter');
      if (!page.url().includes('/watch/')) {
        await page.waitForURL(/\/(title|watch)\//);
      }
      if (page.url().includes('/title/')) {
        await page.locator('a[href^="/watch/"]').first().waitFor();
        await page.waitForFunction(() => document.activeElement?.getAttribute('href')?.startsWith('/watch/'));
        await page.keyboard.press('Enter');
      }
      await page.waitForURL(/\/watch\//);
      await page.waitForFunction(() => {
        const video = document.querySelector('video');
        return video && !video.paused && video.currentTime > 1;
      });
      await page.keyboard.press('Escape');
      await page.waitForURL(/\/title\//);
    });
  });

  test('a draft is not for viewers', async () => {
    const { data } = await cinema.ask('POST', '/v1/titles', { kind: 'film', texts: { ru: { title: 'Черновик' } } });
    const answer = await fetch(`${base}/v1/titles/${data.id}`);
    assert.equal(answer.status, 404);
  });
}
