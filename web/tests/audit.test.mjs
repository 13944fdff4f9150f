// Every page through axe: nothing serious, nothing critical. The policy is set aside for axe alone.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open, settled, shot } from './browser.mjs';
import { need, test } from './harness.mjs';

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

async function audit(page) {
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      resultTypes: ['violations'],
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations
      .filter((one) => one.impact === 'serious' || one.impact === 'critical')
      .map((one) => `${one.id}: ${one.help}\n    ${one.nodes.slice(0, 4).map((node) => `${node.target} ${node.failureSummary?.split('\n').slice(1, 2)}`).join('\n    ')}`);
  });
  assert.deepEqual(found, []);
}

export default function axe(house) {
  const { base, browser, cinema, titles, library } = house;

  // The key as a cookie, so that asking for pages does not count as guessing.
  async function cookie() {
    const answer = await fetch(`${base}/v1/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${cinema.key}` },
      body: JSON.stringify({ key: cinema.key }),
    });
    need(answer.status === 204, `no session: ${answer.status}`);
    const [pair] = answer.headers.get('Set-Cookie').split(';');
    const at = pair.indexOf('=');
    return { name: pair.slice(0, at), value: pair.slice(at + 1), url: base };
  }

  let session = null;
  async function look(path, ready, options = {}) {
    const { context, page } = await open(browser, { bypassCSP: true, ...options });
    try {
      await context.addInitScript(AXE);
      if (path.startsWith('/admin/')) await context.addCookies([(session ??= await cookie())]);
      await page.goto(base + path);
      await page.locator(ready).first().waitFor();
      await settled(page);
      await page.waitForTimeout(300);
      await audit(page);
      await shot(page, `axe${path.replaceAll(/\W+/g, '-')}${options.viewport ? '-phone' : ''}-${options.locale ?? 'ru'}`);
    } finally {
      await context.close();
    }
  }

  const pages = () => [
    ['/', 'section'],
    ['/films', '.grid a'],
    ['/series', '.grid a'],
    ['/search', 'ul a'],
    ['/search?q=м', '.grid a'],
    [`/title/${titles.Metropolis}`, 'h1'],
    ['/nothing', 'h1'],
    ['/admin/titles', 'table'],
    ['/admin/titles/new', 'form'],
    [`/admin/titles/${titles.Metropolis}`, '[name="title.ru"]'],
    ['/admin/import', '[data-import]'],
    ['/admin/queue', '[data-job]'],
    ['/admin/processes', '[data-timer]'],
    ['/admin/reviews', 'h1'],
    ['/admin/health', 'dl'],
    ['/admin', 'input[name="key"]'],
  ];
  for (const locale of ['ru-RU', 'en-GB']) {
    for (const [path, ready] of pages()) {
      test(`axe finds nothing serious at ${path.replace(/\d+/, 'ID')}, ${locale.slice(0, 2)}`, () =>
        look(path, ready, { locale }));
    }
  }
  for (const [path, ready] of [['/', 'section'], ['/films', '.grid a'], ['/admin/titles', 'table'], ['/admin/import', '[data-import]']]) {
    test(`axe finds nothing serious at ${path} on a phone`, () =>
      look(path, ready, { viewport: { width: 360, height: 780 } }));
  }

  test('axe finds nothing serious on the page of a film, its people and the player', async () => {
    need(library.lamp, `no playable title: ${library.importOutput}`);
    await look(`/title/${library.lamp.id}`, 'a[href^="/watch/"]');
    const film = await cinema.get(`/v1/titles/${library.lamp.id}`);
    await look(`/person/${film.people[0].id}`, 'h1');
    for (const locale of ['ru-RU', 'en-GB']) {
      await look(`/watch/${library.lamp.id}`, '.player[data-state="ready"]', { locale });
    }
  });

  test('axe finds nothing serious on the page of a series', () => {
    need(library.series, `no series: ${library.importOutput}`);
    return look(`/title/${library.series.id}`, '[data-id^="episode-"]');
  });
}
