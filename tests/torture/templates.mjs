// The folders the cases begin with, made once by the program itself: an empty one, one that was started, one with a
// film, one with a backup; one that was started with its database on a server. With them the reference: what the
// film's parts are when nothing goes wrong.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { watch } from './film.mjs';
import { command, good, json, Server } from './server.mjs';

function ffmpeg(...args) {
    execFileSync('ffmpeg', ['-v', 'error', '-y', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
}

function filmsMake(films) {
    const folder = path.join(films, 'Small (1999)');
    fs.mkdirSync(folder, { recursive: true });
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=128x72:rate=10:duration=3', '-f', 'lavfi', '-i', 'sine=440:duration=3',
        ...'-c:v libx264 -preset ultrafast -g 10 -sc_threshold 0 -pix_fmt yuv420p -c:a aac -b:a 32k'.split(' '),
        path.join(folder, 'Small (1999).mp4'));
    ffmpeg('-f', 'lavfi', '-i', 'testsrc2=size=60x90:duration=1', '-frames:v', '1', path.join(folder, 'poster.jpg'));
    fs.writeFileSync(path.join(folder, 'Small (1999).en.srt'), '1\n00:00:00,500 --> 00:00:02,000\nHello\n');
    fs.writeFileSync(
        path.join(folder, 'movie.nfo'),
        '<movie><title>Small</title><year>1999</year><plot>A small film.</plot><genre>Comedy</genre>' +
            '<director>Ann Example</director><actor><name>Bob Example</name><role>He</role></actor></movie>',
    );
}

async function served(program, data, work) {
    const server = new Server(program, data);
    try {
        if (!(await server.ready())) throw new Error(`the program does not start: ${server.errors}`);
        return await work(server);
    } finally {
        await server.stop('SIGTERM');
    }
}

async function filmTake(server, films) {
    const begun = await server.admin('POST', '/v1/imports', { paths: [films] });
    if (!good(begun)) throw new Error(`the import is refused: ${begun?.bytes}`);
    for (let state = 'queued'; state !== 'done'; ) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        const view = json(await server.admin('GET', `/v1/imports/${json(begun).id}`));
        state = view.state;
        if (state === 'failed' || view.files_failed) throw new Error(`the import fails: ${JSON.stringify(view)}`);
    }
}

// {folder of a template, films, reference, databases by template}
export async function templatesMake(program, folder, postgres) {
    const films = path.join(folder, 'films');
    const of = (name) => path.join(folder, 'templates', name);
    const reference = {};
    filmsMake(films);
    for (const name of ['empty', 'blank', 'saved']) fs.mkdirSync(of(name), { recursive: true });
    await served(program, path.join(of('blank'), 'data'), async (server) => (reference.key = server.key()));
    fs.cpSync(of('blank'), of('cinema'), { recursive: true });
    await served(program, path.join(of('cinema'), 'data'), async (server) => {
        await filmTake(server, films);
        reference.parts = (await watch(server, '1')).parts;
        if (reference.parts.size < 10) throw new Error(`the film has ${reference.parts.size} parts`);
    });
    const made = await command(program, ['backup', path.join(of('saved'), 'backup/'), '--data', path.join(of('cinema'), 'data')]);
    if (made.code !== 0) throw new Error(`the backup fails: ${made.errors}`);
    const databases = {};
    if (postgres) {
        databases.served = postgres.make();
        const there = { ...program, env: { KB_DB_URL: postgres.url(databases.served) } };
        fs.mkdirSync(of('served'), { recursive: true });
        await served(there, path.join(of('served'), 'data'), async () => {});
    }
    return { of, films, reference, databases };
}
