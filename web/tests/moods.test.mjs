// The cinema on its less usual days: nothing in it yet, the server gone, a viewer who wants no motion,
// an administrator without a mouse.
import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { settled, shot, withPage } from './browser.mjs';
import { Cinema } from './cinema.mjs';
import { need, test } from './harness.mjs';

// Where the focus is: what a person who sees only the outline would say.
const focused = (page) =>
  page.evaluate(() => {
    const { activeElement: one } = document;
    if (!one || ['BODY', 'MAIN'].includes(one.tagName)) return '';
    return (one?.getAttribute('aria-label') ?? one?.innerText ?? one?.textContent ?? '').trim() || (one?.getAttribute('name') ?? '');
  });

// Presses the arrow until the focus is where it should be; fails with the way it went.
async function walk(page, key, wanted, steps_max = 40) {
  const way = [];
  for (let n = 0; n < steps_max; n += 1) {
    const now = await focused(page);
    if (wanted.test(now)) return;
    way.push(now.slice(0, 30));
    await page.keyboard.press(key);
  }
  throw new Error(`${key} never came to ${wanted}: ${way.join(' → ')}`);
}

// A way to the server that can be cut and mended; its port stays taken meanwhile.
async function wayTo(base) {
  const way = { open: true };
  const sockets = new Set();
  const server = createServer((socket) => {
    if (!way.open) return socket.destroy();
    const far = connect(new URL(base).port, '127.0.0.1');
    for (const one of [socket, far]) {
      sockets.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        sockets.delete(one);
        socket.destroy();
        far.destroy();
      });
    }
    return socket.pipe(far).pipe(socket);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  way.base = `http://127.0.0.1:${server.address().port}`;
  way.cut = () => {
    way.open = false;
    for (const one of sockets) one.destroy();
  };
  way.close = () => {
    way.cut();
    server.close();
  };
  return way;
}

export default function moods({ base, browser, cinema, folder, bin, library }) {
  test('an empty cinema says how to begin, in both languages, at every width', async () => {
    const empty = await Cinema.start(bin, join(folder, 'empty'));
    try {
      for (const [locale, heading, button] of [
        ['ru-RU', /Зал готов/, 'Открыть управление'],
        ['en-GB', /The hall is ready/, 'Open the admin'],
      ]) {
        for (const width of [390, 1280, 1920]) {
          await withPage(browser, async (page) => {
            await page.goto(empty.base);
            await page.getByRole('heading', { level: 1, name: heading }).waitFor();
            await page.getByText('kinobezdna import').waitFor();
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
            await shot(page, `first-run-${locale.slice(0, 2)}-${width}`);
            await page.keyboard.press('ArrowDown');
            await walk(page, 'ArrowDown', new RegExp(button));
            await page.keyboard.press('Enter');
            await page.locator('input[name="key"]').waitFor();
          }, { locale, viewport: { width, height: 844 } });
        }
      }
      // Once a film is there, the page is asked again and is no first-run page any more.
      await withPage(browser, async (page) => {
        await page.goto(empty.base);
        const again = page.getByRole('button', { name: 'Проверить ещё раз' });
        await again.waitFor();
        await empty.title({ kind: 'film', texts: { ru: { title: 'Первый' } }, year: 1900 });
        await again.click();
        await page.getByRole('link', { name: /Первый/ }).first().waitFor();
      });
    } finally {
      await empty.stop();
    }
  }, 240_000);

  test('without a network pages say so, and come back with it', () =>
    withPage(
      browser,
      async (page, context) => {
        await page.goto(base);
        await settled(page);
        await context.setOffline(true);
        await page.getByRole('link', { name: 'Фильмы' }).click();
        await page.getByRole('alert').getByRole('heading').waitFor();
        await shot(page, 'offline');
        await page.getByRole('alert').getByRole('button').click(); // still no network: the page stays
        await page.getByRole('alert').getByRole('heading').waitFor();
        await context.setOffline(false);
        await page.locator('.grid a').first().waitFor();
      },
      { forgive: [/ERR_INTERNET_DISCONNECTED/] },
    ));

  test('with the server gone pages say so, and come back by themselves', async () => {
    const way = await wayTo(base);
    try {
      await withPage(
        browser,
        async (page) => {
          await page.goto(way.base);
          await settled(page);
          way.cut();
          await page.getByRole('link', { name: 'Фильмы' }).click();
          await page.getByRole('alert').getByRole('heading').waitFor();
          way.open = true;
          await page.locator('.grid a').first().waitFor();
        },
        { forgive: [/ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED/] },
      );
    } finally {
      way.close();
    }
  });

  test('every shelf of the home page leads to a page with titles', async () => {
    const { shelves } = await cinema.get('/v1/home');
    assert.ok(shelves.length > 1);
    await withPage(browser, async (page) => {
      await page.goto(base);
      await settled(page);
      const links = page.locator('main section h2 a');
      const hrefs = await links.evaluateAll((all) => all.map((one) => one.getAttribute('href')));
      assert.equal(hrefs.length, shelves.filter((one) => one.titles.length > 0).length);
      for (const href of hrefs) {
        await page.goto(base + href);
        await page.locator('.grid a').first().waitFor();
      }
    });
  });

  test('a person’s films say what the person did in them', () => {
    need(library.lamp, `no playable title: ${library.importOutput}`);
    return withPage(browser, async (page) => {
      const { people } = await cinema.get(`/v1/titles/${library.lamp.id}`);
      await page.goto(`${base}/person/${people.find((one) => one.role === 'director').id}`);
      await page.getByText('2001 · Режиссёр').waitFor();
    });
  });

  test('nothing moves for who wants no motion; for the others it does', async () => {
    const moving = (page) =>
      page.evaluate(() => document.getAnimations().filter((one) => {
        const { duration, iterations } = one.effect.getComputedTiming();
        return duration > 1 && (duration * iterations > 50);
      }).length);
    for (const reducedMotion of ['reduce', 'no-preference']) {
      await withPage(browser, async (page) => {
        await page.goto(base);
        await page.locator('.stage').waitFor();
        const count = await moving(page);
        assert.equal(count > 0, reducedMotion === 'no-preference', `${count} animations with ${reducedMotion}`);
        await page.goto(`${base}/films`);
        await settled(page);
        if (reducedMotion === 'reduce') assert.equal(await moving(page), 0);
      }, { reducedMotion });
    }
  });

  test('the admin is walked with arrows and Enter alone', () =>
    withPage(browser, async (page) => {
      await page.goto(`${base}/admin`);
      await page.locator('input[name="key"]').waitFor();
      await page.waitForFunction(() => document.activeElement?.getAttribute('name') === 'key');
      await page.keyboard.type(cinema.key);
      await page.keyboard.press('ArrowDown');
      await walk(page, 'ArrowDown', /^Войти$/);
      await page.keyboard.press('Enter');
      await page.getByRole('navigation', { name: 'Разделы управления' }).waitFor();
      for (const [name, ready] of [
        ['Импорт', '[data-import]'],
        ['Очередь', '[data-job]'],
        ['Разбор', 'h1'],
        ['Здоровье', 'dl'],
      ]) {
        await walk(page, 'ArrowUp', /^(Каталог|Импорт|Очередь|Разбор|Здоровье)$/);
        await walk(page, 'ArrowRight', new RegExp(`^${name}$`));
        await page.keyboard.press('Enter');
        await page.getByRole('heading', { level: 1, name }).waitFor();
        await page.locator(ready).first().waitFor();
      }
      await walk(page, 'ArrowUp', /^(Каталог|Импорт|Очередь|Разбор|Здоровье)$/);
      await walk(page, 'ArrowLeft', /^Каталог$/);
      await page.keyboard.press('Enter');
      await page.locator('table').waitFor();
      await walk(page, 'ArrowDown', /^q$/);
      await page.keyboard.type('носф');
      await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
      await walk(page, 'ArrowDown', /Носферату/);
      await page.keyboard.press('Enter');
      await page.locator('[name="title.ru"]').waitFor();
      await walk(page, 'ArrowDown', /title|tagline|synopsis/);
    }), 120_000);
}
