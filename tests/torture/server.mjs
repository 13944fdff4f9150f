// The program under the layer: started, asked, ended. Nothing here throws for what a fault does to an answer.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

export const patience = 30000; // a machine with other work to do; nothing asserts that it is quick

const settings = {
    PATH: process.env.PATH,
    KB_INGEST_DISK_RESERVE: '1MiB',
    KB_HTTP_DRAIN_TIMEOUT: '5s',
    KB_LOG_FORMAT: 'json',
};

const prefix = 'kb-torture-';

// A fresh folder that is gone when we end; and those of drivers that were killed are gone now.
export function folderMake(where) {
    for (const name of fs.readdirSync(where)) {
        const owner = name.startsWith(prefix) && name.slice(prefix.length).split('-')[0];
        if (owner && !fs.existsSync(`/proc/${owner}`)) fs.rmSync(path.join(where, name), { recursive: true, force: true });
    }
    const folder = fs.mkdtempSync(path.join(where, `${prefix}${process.pid}-`));
    process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
    return folder;
}

// It is killed when we are, by whatever: nobody else would end it. What ends us softly (Ctrl-C, timeout) is sent to our
// whole group, of which it is none: a server that stops because we are to stop looks like one that lost everything.
// The layer is for the program alone.
function words(program, args, layer) {
    const env = layer ? ['env', `LD_PRELOAD=${program.layer}`, `KB_TORTURE=${layer.folder}`] : [];
    return ['--pdeathsig', 'KILL', ...env, program.binary, ...args];
}

class Process {
    constructor(program, args, layer) {
        this.out = this.errors = '';
        this.child = spawn('setpriv', words(program, args, layer), {
            env: { ...settings, ...program.env },
            detached: true,
            stdio: ['ignore', 'pipe', 'pipe'],
        });
        this.child.stdout.on('data', (piece) => (this.out += piece));
        this.child.stderr.on('data', (piece) => (this.errors += piece));
        this.ended = new Promise((resolve) => {
            this.child.on('close', (code, signal) => {
                this.end = { code, signal };
                resolve(this.end);
            });
        });
    }

    // Its end by a signal: {code, signal}; signal 'hang' when it had to be killed after all.
    async stop(signal) {
        if (!this.end) this.child.kill(signal);
        if (await this.within(patience)) return this.end;
        this.child.kill('SIGKILL');
        await this.ended;
        return (this.end = { code: null, signal: 'hang' });
    }

    // The end, or null when it does not come.
    async within(ms) {
        let timer;
        const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, null)));
        const end = await Promise.race([this.ended, late]);
        clearTimeout(timer);
        return end;
    }
}

// Runs a command to its end: {code, signal, out, errors}; signal 'hang' when it had to be killed for its slowness.
export async function command(program, args, layer) {
    const process = new Process(program, args, layer);
    const end = (await process.within(patience)) ?? { code: null, signal: 'hang' };
    await process.stop('SIGKILL');
    return { ...end, out: process.out, errors: process.errors };
}

export class Server extends Process {
    constructor(program, data, layer) {
        super(program, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--cores', '1'], layer);
        this.data = data;
    }

    // True when it serves; false when it has ended instead, or does neither.
    async ready() {
        const open = /open at http:\/\/localhost:(\d+)\//;
        return new Promise((resolve) => {
            const look = () => {
                const found = open.exec(this.out);
                if (!found) return;
                this.port = Number(found[1]);
                done(true);
            };
            const done = (well) => {
                clearTimeout(timer);
                this.child.stdout.off('data', look);
                resolve(well);
            };
            const timer = setTimeout(done, patience, false);
            this.child.stdout.on('data', look);
            this.ended.then(() => done(false));
            look();
        });
    }

    key() {
        return /^ +([A-Z2-9]{4}(?:-[A-Z2-9]{4}){7})$/m.exec(this.out)?.[1];
    }

    // As a viewer by TCP. The answer, or null when there was none, or half of one.
    get(where, headers = {}) {
        return ask({ host: '127.0.0.1', port: this.port, path: where, method: 'GET', headers });
    }

    // As the administrator by the socket in the folder.
    admin(method, where, body, headers = {}) {
        return ask({ socketPath: path.join(this.data, 'control.sock'), path: where, method, headers }, body);
    }
}

export function ask(options, body) {
    return new Promise((resolve) => {
        const request = http.request({ ...options, agent: false, timeout: patience }, (answer) => {
            const pieces = [];
            answer.on('data', (piece) => pieces.push(piece));
            answer.on('error', () => resolve(null));
            answer.on('end', () => {
                const bytes = Buffer.concat(pieces);
                resolve(answer.complete ? { status: answer.statusCode, headers: answer.headers, bytes } : null);
            });
        });
        request.on('timeout', () => request.destroy(new Error('hang')));
        request.on('error', (error) => resolve(error.message === 'hang' ? { status: 0, hang: true } : null));
        request.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

export function json(answer) {
    try {
        return JSON.parse(answer.bytes.toString('utf8'));
    } catch {
        return null;
    }
}

export function good(answer) {
    return answer !== null && answer.status >= 200 && answer.status < 300;
}
