// One fault: the scenario runs under the layer until it is over or the process is dead; then the program is started
// on what is left, or on each state a power cut may leave, and looked at.
import fs from 'node:fs';
import path from 'node:path';
import { cuts, Layer, powerCut, survey } from './layer.mjs';
import { randomOf } from './random.mjs';
import { scenarios } from './scenarios.mjs';
import { command, good, patience, Server } from './server.mjs';

export const killing = ['before', 'half', 'after'];

function copyTree(from, to) {
    fs.rmSync(to, { recursive: true, force: true });
    fs.cpSync(from, to, { recursive: true, preserveTimestamps: true });
}

// A copy of the template, with what its files held by inode.
function rootMake(world, scenario, slot) {
    const root = path.join(slot, 'root');
    const template = world.of(scenario.template);
    copyTree(template, root);
    const before = survey(root);
    const contentBefore = (ino) => {
        const file = before.files.get(ino);
        return file ? fs.readFileSync(path.join(template, path.relative(root, file))) : null;
    };
    return { root, before, contentBefore };
}

const outOfMemory = /^kinobezdna: \S+:\d+: (out of memory|no memory|SHA-256|HMAC|no AES-256-GCM)/m;

function lastWords(text) {
    const lines = text.trim().split('\n');
    const from = lines.findIndex((line) => line.startsWith('kinobezdna'));
    return lines.slice(from < 0 ? -6 : from).slice(0, 12).join('\n  ');
}

// A library that does not bear a refused allocation: the first frame below the handler and the signal is not ours.
function inLibrary(errors) {
    const frames = errors.split('\n').filter((line) => /^ {2}\S+\+0x/.test(line));
    return /^ {2}(\?|__|CRYPTO_|EVP_|OPENSSL_|OSSL_|SSL_|X509_|uv_|sqlite3_)/.test(frames[2] ?? '');
}

// Dead of something else than the layer's kill. An allocation that the heap does not get ends the program with a word
// about it (heap.h); so it does in libraries that end it without one. That is no violation, and counted apart.
function crash(stage, spec, end, errors) {
    if (!end?.signal || (end.signal === 'SIGKILL' && killing.includes(spec.mode))) return [];
    stage.starved = spec.kind === 'alloc' && (outOfMemory.test(errors) || inLibrary(errors));
    return stage.starved ? [] : [`it ends by ${end.signal}: ${lastWords(errors)}`];
}

async function runServer(stage, scenario, spec, layer) {
    const server = (stage.server = new Server(stage.program, path.join(stage.root, 'data'), layer));
    stage.alive = () => !server.end;
    const open = await server.ready();
    if (!open && !server.end) stage.wrong.push('it neither serves nor ends');
    if (open) await scenario.run(stage);
    if (killing.includes(spec.mode) && layer.read().hits) await server.within(patience);
    layer.heal();
    if (open && !server.end && !killing.includes(spec.mode)) stage.wrong.push(...(await recovered(server)));
    const asked = !server.end;
    const end = asked ? await server.stop(spec.end ?? 'SIGTERM') : server.end;
    stage.refusals = !killing.includes(spec.mode);
    if (!asked || spec.end !== 'SIGKILL') stage.wrong.push(...crash(stage, spec, end, server.errors));
    if (open && !asked && !end.signal) stage.wrong.push(`it ends by itself (${end.code}): ${lastWords(server.errors)}`);
}

// Once the fault is over it does what it is asked to.
async function recovered(server) {
    const wrong = [];
    for (let tries = 0; ; tries++) {
        const answer = await server.admin('POST', '/v1/titles', { kind: 'film', texts: { en: { title: 'Later' } } });
        if (good(answer) || server.end) return wrong;
        if (tries === 20) return [`it does not recover: ${answer?.status} ${answer?.bytes ?? ''}`];
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
}

async function runCommand(stage, scenario, spec, layer) {
    stage.told = await command(stage.program, scenario.command(stage.root), layer);
    stage.refusals = !killing.includes(spec.mode);
    if (stage.told.signal === 'hang') stage.wrong.push('the command does not end');
    stage.wrong.push(...crash(stage, spec, stage.told, stage.told.errors));
}

// --- Afterwards -------------------------------------------------------------------------------------------------

async function fsck(stage, root) {
    stage.left();
    const told = await command(stage.program, ['fsck', '--data', path.join(root, 'data')]);
    const lines = told.out.trim().split('\n').slice(0, -1);
    const wrong = lines.filter((line) => !/no title names it: fsck --repair removes it|were not looked at/.test(line));
    if (told.code !== 0 && lines.length === 0) wrong.push(`fsck ends ${told.code} ${told.signal}: ${told.errors}`);
    return wrong.map((line) => `fsck: ${line}`);
}

async function inspect(stage, scenario, root) {
    const wrong = scenario.before ? await scenario.before(stage, root) : [];
    const server = new Server(stage.program, path.join(root, 'data'));
    if (!(await server.ready())) {
        await server.stop('SIGKILL');
        return [...wrong, `it does not start again: ${lastWords(server.errors)}`];
    }
    wrong.push(...(await scenario.check(stage, server, root)));
    await server.stop('SIGTERM');
    if (server.end.code !== 0) wrong.push(`started again it ends ${server.end.code} ${server.end.signal}`);
    return [...wrong, ...(await fsck(stage, root))];
}

// From here on the program is given this database of the server; with none, it has its own.
function use(stage, world, database) {
    stage.program = { ...world.program, env: database ? { KB_DB_URL: world.postgres.url(database) } : {} };
    stage.left = () => database && world.postgres.leave(database);
}

// {hit, counts, starved, cases: [{cut, wrong}]}. `spec`: scenario, kind, mode, at, error, end, cuts, seed.
export async function caseRun(world, spec, slot) {
    const scenario = scenarios[spec.scenario];
    const layer = new Layer(path.join(slot, 'layer'));
    layer.order(spec);
    const { root, before, contentBefore } = rootMake(world, scenario, slot);
    const database = scenario.postgres && world.postgres.make(world.databases[scenario.template]);
    const stage = { root, films: world.films, reference: world.reference, wrong: [] };
    use(stage, world, database);
    await (scenario.command ? runCommand : runServer)(stage, scenario, spec, layer);
    const { hit, hits, counts, log } = layer.read();
    const result = { hit, hits, counts, starved: stage.starved ?? false, cases: [] };
    for (const name of spec.cuts) {
        const random = randomOf(`${spec.seed} ${name}`);
        const to = path.join(slot, 'after');
        fs.rmSync(to, { recursive: true, force: true });
        if (name === 'kept') fs.cpSync(root, to, { recursive: true, preserveTimestamps: true, filter: notSocket });
        else powerCut({ layer, log, before, contentBefore, from: root, to, cut: cuts[name.split('-')[0]](random) });
        const copy = database && world.postgres.make(database); // its server has not lost power
        use(stage, world, copy);
        result.cases.push({ cut: name, wrong: [...stage.wrong, ...(await inspect(stage, scenario, to))] });
        stage.wrong = []; // told once
        if (copy) world.postgres.remove(copy);
    }
    if (database) world.postgres.remove(database);
    return result;
}

function notSocket(file) {
    return !fs.lstatSync(file).isSocket();
}
