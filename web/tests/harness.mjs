// A runner of a few lines: tests in the order they were written, each with its own deadline, told
// the way every suite of this tree tells it.
const tests = [];
let passed = 0;
let failed = 0;
let skipped = 0;

export function test(name, fn, timeout_ms = 90_000) {
  tests.push({ name, fn, timeout_ms });
}

export function skip(name, reason) {
  skipped += 1;
  console.log(`  skipped: ${reason}`);
  console.log(`skipped ${name}`);
}

export class Skip extends Error {}

// A test whose ground is missing says so; it does not pass.
export function need(condition, reason) {
  if (!condition) throw new Skip(reason);
}

function deadline(timeout_ms) {
  let timer;
  const promise = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${timeout_ms} ms`)), timeout_ms);
  });
  return { promise, clear: () => clearTimeout(timer) };
}

async function runOne({ name, fn, timeout_ms }) {
  const limit = deadline(timeout_ms);
  const begin = Date.now();
  try {
    await Promise.race([fn(), limit.promise]);
    passed += 1;
    console.log(`ok ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
  } catch (error) {
    if (error instanceof Skip) return skip(name, error.message);
    failed += 1;
    console.log(String(error?.stack ?? error).replace(/^/gm, '  '));
    console.log(`FAILED ${name}`);
  } finally {
    limit.clear();
  }
}

export async function runAll(part) {
  for (const one of tests) if (one.name.includes(part)) await runOne(one);
}

export function names(part) {
  return tests.map((one) => one.name).filter((name) => name.includes(part));
}

export function total() {
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  return failed === 0 ? 0 : 1;
}
