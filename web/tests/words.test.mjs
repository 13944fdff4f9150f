// The words of reasons against the server's table of them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
      // What nobody has words for is shown beneath its sentence.
      assert.deepEqual(names(known[code].ru), code === 'error' ? [] : [...params].sort(), `${code}: parameters of the Russian`);
      const plain = known[code].ru.replace(/\{\w+\}/g, '');
      const untranslated = /^(NFO: |Hi10P)$/.test(plain);
      assert.ok(untranslated || /[а-яё]/i.test(plain), `${code}: the Russian is not Russian`);
    }
  });

  test('every kind of job has words in both languages', () => {
    const source = fileURLToPath(new URL('../../src', import.meta.url));
    const named = '^#define [A-Z_]+_JOB +"[a-z._]+"|job_kind [a-z_]+ = \\{ \\.name = "[a-z._]+"';
    const own = ['--include=*.h', '--include=*.c', '--exclude=*_test.c', '--exclude-dir=conformance'];
    const told = execFileSync('grep', ['-rhoE', ...own, named, source], { encoding: 'utf8' });
    const kinds = [...told.matchAll(/"(.+)"/g)].map((one) => one[1]);
    const words = readFileSync(new URL('../src/admin/words.ts', import.meta.url), 'utf8');
    assert.ok(kinds.length >= 2, 'no kinds of jobs were found');
    for (const kind of kinds) assert.equal(words.split(`'job.${kind}': '`).length, 3, `${kind} has no words in two languages`);
  });
}
