// torture: a fault in the n-th call, for every n. See docs/internals/torture.md; tests/torture/run starts it.
//
//   sample [--seconds N]    a seeded sample (SEED=...), as a test suite; no case is begun after so long
//   full [--jobs N] [--only PREFIX] [--state FILE]    every case, with progress; goes on where it was stopped
//   case NAME               one again: NAME is what a violation was reported with
//   count                   how many calls of each kind the scenarios make
import fs from 'node:fs';
import path from 'node:path';
import { caseRun } from './case.mjs';
import { Postgres } from './postgres.mjs';
import { Progress } from './progress.mjs';
import { scenarios } from './scenarios.mjs';
import { specOf, unitName, unitOf, unitsAll, unitsSample } from './schedule.mjs';
import { folderMake } from './server.mjs';
import { templatesMake } from './templates.mjs';

const begun = Date.now();
const roomBytes = 100 << 20;
const casesMin = 30; // of a sample; fewer would say nothing

function options(args) {
    const given = { jobs: '2', seconds: '110', only: '', state: 'build/torture/state' };
    const words = [];
    for (let i = 0; i < args.length; i++)
        if (args[i].startsWith('--')) given[args[i].slice(2)] = args[++i];
        else words.push(args[i]);
    return { ...given, words };
}

// A folder in memory: a disk would only be slow, and inodes of tmpfs are not given twice.
function workFolder() {
    const room = fs.statfsSync('/dev/shm', { throwIfNoEntry: false });
    if (room.bavail * room.bsize < roomBytes) return null;
    return folderMake('/dev/shm');
}

async function worldMake(folder, served) {
    const program = { binary: path.resolve(process.env.KB_RELEASE), layer: path.resolve(process.env.KB_TORTURE_LAYER) };
    const postgres = served ? Postgres.open() : null;
    if (served && !postgres) console.log('PostgreSQL is not installed: the scenarios on it are left out');
    return { program, folder, postgres, ...(await templatesMake(program, folder, postgres)) };
}

// What is tortured of a scenario: on a server the statements sent there, as all else is in the others.
function countsOf(scenario, counts) {
    return Object.fromEntries(Object.entries(counts).filter(([kind]) => (kind === 'sent') === Boolean(scenario.postgres)));
}

// A run without a fault: what it counts is what can go wrong; and it has to be right.
async function countAll(world) {
    const counts = {};
    for (const scenario of Object.keys(scenarios)) {
        if (scenarios[scenario].postgres && !world.postgres) continue;
        const spec = { scenario, kind: 'write', mode: 'count', at: 0, cuts: ['kept', 'lost'], seed: 'count' };
        const result = await caseRun(world, spec, path.join(world.folder, 'count'));
        for (const { cut, wrong } of result.cases)
            if (wrong.length) throw new Error(`${scenario} without a fault, ${cut}:\n${wrong.join('\n')}`);
        counts[scenario] = countsOf(scenarios[scenario], result.counts);
    }
    return counts;
}

// Runs units until there are no more, `jobs` at a time. tell(unit, result) after each.
async function runUnits(world, units, { jobs, seed, enough }, tell) {
    const iterator = units[Symbol.iterator]();
    const work = async (slot) => {
        while (!enough()) {
            const next = iterator.next();
            if (next.done) return;
            tell(next.value, await caseRun(world, specOf(next.value, seed), path.join(world.folder, slot)));
        }
    };
    await Promise.all(Array.from({ length: jobs }, (_, i) => work(`slot${i}`)));
}

function violations(unit, result, seed) {
    return result.cases
        .filter(({ wrong }) => wrong.length)
        .map(({ cut, wrong }) => {
            const again = `SEED=${seed} tests/torture/run case ${unitName(unit)}/${cut}`;
            return `${unitName(unit)}/${cut} (${result.hit || 'not reached'})\n  ${wrong.join('\n  ')}\n  again: ${again}`;
        });
}

async function sample(world, counts, { seconds, jobs, seed }) {
    const until = begun + seconds * 1000;
    const by = new Map();
    let cases = 0;
    let failed = 0;
    let starved = 0;
    const enough = () => Date.now() >= until && cases >= casesMin;
    console.log(`seed ${seed} (SEED=${seed} replays)`);
    await runUnits(world, unitsSample(counts, seed), { jobs, seed, enough }, (unit, result) => {
        cases += result.cases.length;
        starved += result.starved ? 1 : 0;
        by.set(unit.kind, (by.get(unit.kind) ?? 0) + result.cases.length);
        const found = violations(unit, result, seed);
        failed += found.length;
        for (const text of found) console.log(`${text}\nFAILED ${unitName(unit)}`);
    });
    console.log([...by].map(([kind, count]) => `${kind}: ${count}`).join(', '));
    console.log(`${cases} cases, ${failed} violations, ${starved} deaths for want of memory`);
    if (failed === 0) console.log('ok torture_sample');
    console.log(`${failed ? 0 : 1} passed, ${failed} failed, 0 skipped`);
    return failed;
}

async function full(world, counts, { jobs, seed, only, state }) {
    const progress = new Progress(state, world.program.binary, seed);
    const units = unitsAll(counts, seed).filter((unit) => unitName(unit).startsWith(only));
    const left = units.filter((unit) => !progress.has(unitName(unit)));
    progress.begin(units.length, left.length);
    await runUnits(world, left, { jobs, seed, enough: () => progress.stopped }, (unit, result) =>
        progress.add(unit, result, violations(unit, result, seed)),
    );
    progress.end();
    return progress.violations;
}

async function one(world, unit, seed) {
    const result = await caseRun(world, specOf(unit, seed), path.join(world.folder, 'slot0'));
    const found = violations(unit, result, seed);
    const starved = result.starved ? ', dead for want of memory' : '';
    console.log(found.join('\n') || `${result.hit || 'not reached'}: ${result.cases.length} cases, no violation${starved}`);
    return found.length;
}

async function main() {
    const given = options(process.argv.slice(2));
    const [what, name] = given.words;
    // Fixed, so that a change is judged by the cases that the change before it was judged by.
    const seed = process.env.SEED ?? '1';
    const settings = { ...given, seed, jobs: Number(given.jobs), seconds: Number(given.seconds) };
    const folder = workFolder();
    if (!folder) {
        console.log('  skipped: needs 100 MiB in /dev/shm\nskipped torture_sample\n0 passed, 0 failed, 1 skipped');
        return 0;
    }
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));
    const unit = what === 'case' ? unitOf(name) : null;
    if (what === 'case' && !unit) throw new Error(`${name} is no case`);
    const world = await worldMake(folder, !unit || scenarios[unit.scenario].postgres);
    if (unit) return one(world, unit, seed);
    const counts = await countAll(world);
    if (what === 'sample') return sample(world, counts, settings);
    if (what === 'full') return full(world, counts, settings);
    console.table(counts);
    return 0;
}

process.exit((await main()) ? 1 : 0);
