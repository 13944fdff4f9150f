// The web against the real program: `node web/tests/run.mjs [NAME-PART]`.
//
// KB_BIN        the program, its web inside                        (without it everything is skipped)
// KB_CHROMIUM   the browser                                        (/usr/bin/chromium)
// KB_SHOTS      a folder for screenshots                           (none are kept without it)
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { names, runAll, skip, total } from './harness.mjs';

const part = process.argv[2] ?? '';
const bin = process.env.KB_BIN ?? '';

const SUITES = ['words', 'viewer', 'admin', 'work', 'player', 'series', 'moods', 'hls', 'audit'];

async function missing() {
  if (!bin || !existsSync(bin)) return `there is no program at KB_BIN (${bin || 'not set'})`;
  if (spawnSync('ffmpeg', ['-version']).status !== 0) return 'ffmpeg is missing';
  if (!existsSync(new URL('../node_modules/playwright-core', import.meta.url))) {
    return 'web/node_modules is missing: build the program with its web first';
  }
  const { chromiumIsThere, CHROMIUM } = await import('./browser.mjs');
  return chromiumIsThere() ? '' : `there is no browser at ${CHROMIUM}`;
}

async function main() {
  const reason = await missing();
  if (reason) {
    skip('web', reason);
    return total();
  }
  const folder = mkdtempSync(join(tmpdir(), 'kinobezdna-web-'));
  const { houseOpen } = await import('./house.mjs');
  const house = await houseOpen(bin, folder);
  let stopped = -1;
  try {
    if (!house.hasWeb) {
      skip('web', 'the program was built without its web');
    } else {
      for (const name of SUITES) (await import(`./${name}.test.mjs`)).default(house);
      await runAll(part);
      if (names(part).length === 0) console.log(`  no test is named like ${part}`);
    }
  } finally {
    stopped = await house.close();
    rmSync(folder, { recursive: true, force: true });
  }
  const code = total();
  return stopped === 0 ? code : 1;
}

process.exitCode = await main();
