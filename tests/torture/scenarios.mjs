// What the program is asked to do while something goes wrong, and what must be true afterwards. A scenario has
// run(stage), which notes on the stage what was acknowledged, and check(stage, server), which returns what is wrong
// in the restarted program. Scenarios of a command instead of the server have `command`; in those with `postgres` the
// database is on a server, and what is sent there goes wrong.
import fs from 'node:fs';
import path from 'node:path';
import { differences, watch } from './film.mjs';
import { command, good, json } from './server.mjs';
import { Writer } from './titles.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function write(stage, names) {
    stage.writers = names.map((name) => new Writer(name));
    await Promise.all(stage.writers.map((writer) => writer.run(stage.server, stage.alive)));
}

async function checkWriters(stage, server) {
    const wrong = [];
    for (const writer of stage.writers ?? []) wrong.push(...(await writer.check(server)));
    return wrong;
}

async function checkKey(server, key, works) {
    const answer = await server.get('/v1/jobs', { Authorization: `Bearer ${key}` });
    const fault = works ? 'does not work' : 'still works';
    return good(answer) === works ? [] : [`the administrator's key ${fault} (${answer?.status})`];
}

// --- Imports ----------------------------------------------------------------------------------------------------

// The import's end: done, failed, cancelled; null: it does not come.
async function importEnd(server, id, alive, ms = 60000) {
    for (let until = Date.now() + ms; Date.now() < until && alive(); await pause(40)) {
        const answer = await server.admin('GET', `/v1/imports/${id}`);
        const view = good(answer) ? json(answer) : null;
        if (view && view.finished_at) return view;
    }
    return null;
}

// For the one who has to find out why.
async function queue(server) {
    const jobs = await server.admin('GET', '/v1/jobs');
    const reviews = await server.admin('GET', '/v1/reviews');
    const titles = await server.admin('GET', '/v1/titles?prefix=S');
    return `${jobs?.bytes}\n  reviews: ${reviews?.bytes}\n  titles: ${titles?.bytes}`;
}

async function importOnce(stage, server, alive, ms) {
    const answer = await server.admin('POST', '/v1/imports', { paths: [stage.films] });
    if (!good(answer)) return null;
    return { id: json(answer).id, end: await importEnd(server, json(answer).id, alive, ms) };
}

async function busy(server) {
    const answer = await server.admin('GET', '/v1/jobs');
    return good(answer) && json(answer).items.some((job) => ['queued', 'running'].includes(job.state));
}

// Whatever became of the first one, a second import makes it whole, and it is the film of the reference.
async function checkImport(stage, server) {
    const alive = () => !server.end;
    if (stage.imported) {
        const answer = await server.admin('GET', `/v1/imports/${stage.imported}`);
        if (!good(answer)) return [`import ${stage.imported} is lost (${answer?.status})`];
        // After refusals it may wait longer than we do before it is tried again.
        const end = await importEnd(server, stage.imported, alive, stage.refusals ? 5000 : 60000);
        if (!end && stage.refusals) await server.admin('POST', `/v1/imports/${stage.imported}/cancel`);
        else if (!end) return [`the import does not end after the restart: ${await queue(server)}`];
        const failed = end?.state !== 'done' || end.files_failed > 0;
        if (failed && !stage.refusals) return [`the import ends ${end.state}: ${JSON.stringify(end)}`];
    }
    const again = await importOnce(stage, server, alive);
    if (again?.end?.state !== 'done' || again.end.files_failed)
        return [`the import made again ends ${JSON.stringify(again)}`];
    // The film may be the work of a first import that nobody was told of.
    for (let until = Date.now() + 60000; Date.now() < until && (await busy(server)); ) await pause(40);
    return checkFilm(stage, server);
}

async function checkFilm(stage, server) {
    const answer = await server.get('/v1/titles?prefix=Small');
    const items = good(answer) ? json(answer).items : [];
    if (items.length !== 1) return [`the film is listed ${items.length} times: ${await queue(server)}`];
    const wrong = differences(await watch(server, items[0].id), stage.reference.parts, true);
    const poster = items[0].poster && (await server.get(items[0].poster));
    if (!good(poster || null)) wrong.push('its poster is not served');
    return wrong;
}

// --- Backups ----------------------------------------------------------------------------------------------------

async function backupOnce(server, folder, alive) {
    const begun = await server.admin('POST', '/v1/backups', { path: folder });
    if (!good(begun)) return false;
    const number = json(begun).number;
    for (let until = Date.now() + 60000; Date.now() < until && alive(); await pause(10)) {
        const answer = await server.admin('GET', '/v1/backups');
        const view = good(answer) ? json(answer) : null;
        if (view && view.number === number && view.state !== 'running') return view.state === 'done';
    }
    return false;
}

async function checkBackup(stage, server, root) {
    const folder = path.join(root, 'backup/');
    const wrong = [];
    const verify = async (when) => {
        const told = await command(stage.program, ['verify', folder]);
        if (told.code !== 0) wrong.push(`${when}: verify ends ${told.code}: ${told.errors}`);
    };
    if (stage.backups) await verify('the acknowledged backup');
    if (!(await backupOnce(server, folder, () => !server.end))) wrong.push('no backup can be made afterwards');
    await verify('the next backup');
    return wrong;
}

// --- The scenarios ----------------------------------------------------------------------------------------------

export const scenarios = {
    first: {
        template: 'empty',
        async run(stage) {
            stage.key = stage.server.key();
            await write(stage, ['Writer one']);
        },
        async check(stage, server) {
            const wrong = stage.key ? await checkKey(server, stage.key, true) : [];
            return [...wrong, ...(await checkWriters(stage, server))];
        },
    },
    write: {
        template: 'cinema',
        run: (stage) => write(stage, ['Writer one', 'Writer two', 'Writer three']),
        check: async (stage, server) => [...(await checkWriters(stage, server)), ...(await checkFilm(stage, server))],
    },
    import: {
        template: 'blank',
        async run(stage) {
            const done = await importOnce(stage, stage.server, stage.alive, 5000);
            stage.imported = done?.id;
        },
        check: checkImport,
    },
    play: {
        template: 'cinema',
        async run(stage) {
            for (let round = 0; round < 2 && stage.alive(); round++) {
                await stage.server.get('/v1/home');
                await stage.server.get('/v1/titles?prefix=Sm');
                stage.wrong.push(...differences(await watch(stage.server, '1'), stage.reference.parts, false));
            }
        },
        check: checkFilm,
    },
    backup: {
        template: 'cinema',
        async run(stage) {
            const folder = path.join(stage.root, 'backup/');
            stage.backups = 0;
            stage.backups += await backupOnce(stage.server, folder, stage.alive);
            await write(stage, ['Writer one']);
            stage.backups += await backupOnce(stage.server, folder, stage.alive);
        },
        check: async (stage, server, root) => [
            ...(await checkBackup(stage, server, root)),
            ...(await checkWriters(stage, server)),
        ],
    },
    server: {
        postgres: true,
        template: 'served',
        async run(stage) {
            await write(stage, ['Writer one', 'Writer two']);
            for (const where of ['/v1/home', '/v1/titles?prefix=W', '/v1/titles/1']) await stage.server.get(where);
        },
        check: checkWriters,
    },
    server_import: {
        postgres: true,
        template: 'served',
        async run(stage) {
            const done = await importOnce(stage, stage.server, stage.alive, 5000);
            stage.imported = done?.id;
        },
        check: checkImport,
    },
    key: {
        template: 'cinema',
        command: (root) => ['admin-key', '--reset', '--data', path.join(root, 'data')],
        async check(stage, server) {
            const key = /([A-Z2-9]{4}(?:-[A-Z2-9]{4}){7})/.exec(stage.told.out)?.[1];
            if (!key) return [];
            return [...(await checkKey(server, key, true)), ...(await checkKey(server, stage.reference.key, false))];
        },
    },
    restore: {
        template: 'saved',
        command: (root) => ['restore', path.join(root, 'backup'), '--data', path.join(root, 'data')],
        // Told to be done, it is whole; else nobody takes it for a cinema before it is restored again.
        async before(stage, root) {
            const unfinished = fs.existsSync(path.join(root, 'data/restore.unfinished'));
            const there = fs.existsSync(path.join(root, 'data/content.db'));
            if (stage.told.code === 0 && (unfinished || !there)) return ['the restored cinema is not there'];
            if (stage.told.code === 0 || (there && !unfinished)) return [];
            const again = await command(stage.program, ['restore', path.join(root, 'backup'), '--data', path.join(root, 'data')]);
            return again.code === 0 ? [] : [`restored again it ends ${again.code}: ${again.errors}`];
        },
        check: checkFilm,
    },
};
