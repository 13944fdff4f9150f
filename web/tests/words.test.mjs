// The words of reasons against the server's table of them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from './harness.mjs';

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
const names = (text) => [...text.matchAll(/\{(\w+)\}/g)].map((one) => one[1]).sort();

export default function words() {
  test('every reason of the server has words in both languages', () => {
    const table = read('../../docs/api/reasons.json');
    const known = read('../src/locales/reasons.json');
    assert.ok(table.length > 80);
    assert.deepEqual(Object.keys(known).sort(), table.map((one) => one.code).sort());
    for (const { code, params, text } of table) {
      assert.equal(known[code].en, text, `${code}: the English differs from the server's`);
      assert.deepEqual(names(known[code].ru), [...params].sort(), `${code}: parameters of the Russian`);
      const plain = known[code].ru.replace(/\{\w+\}/g, '');
      const untranslated = /^(NFO: |Hi10P|)$/.test(plain);
      assert.ok(untranslated || /[а-яё]/i.test(plain), `${code}: the Russian is not Russian`);
    }
  });
}
