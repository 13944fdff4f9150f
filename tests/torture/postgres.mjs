// A PostgreSQL of the driver's own, from Debian's package: without fsync, reached by a Unix socket in its folder
// alone, run by an unprivileged user where the driver is root. It ends with the driver, however that ends.
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { folderMake } from './server.mjs';

const versions = '/usr/lib/postgresql';
const patience = 60000;

function programsFind() {
    if (!fs.existsSync(versions)) return null;
    const found = fs.readdirSync(versions).sort((a, b) => b - a).map((version) => path.join(versions, version, 'bin'));
    return found.find((folder) => fs.existsSync(path.join(folder, 'initdb'))) ?? null;
}

// {uid, gid} of whoever may run it: PostgreSQL refuses to be root.
function runner() {
    if (process.getuid() !== 0) return null;
    const line = fs.readFileSync('/etc/passwd', 'utf8').split('\n').find((one) => /^(postgres|nobody):/.test(one));
    const [, , uid, gid] = line.split(':');
    return { uid: Number(uid), gid: Number(gid) };
}

export class Postgres {
    // null: it is not installed.
    static open() {
        const programs = programsFind();
        return programs && new Postgres(programs);
    }

    constructor(programs) {
        Object.assign(this, { programs, number: 0, as: runner(), folder: folderMake(os.tmpdir()) });
        if (this.as) fs.chownSync(this.folder, this.as.uid, this.as.gid);
        const arguments_ = '-D data -A trust -U postgres -E UTF8 --no-sync --locale=C.UTF-8'.split(' ');
        execFileSync(path.join(programs, 'initdb'), arguments_, { cwd: this.folder, stdio: 'ignore', ...this.as });
        const settings = { listen_addresses: '', unix_socket_directories: this.folder, fsync: 'off', full_page_writes: 'off' };
        const server = [path.join(programs, 'postgres'), '-D', 'data'];
        for (const [name, value] of Object.entries({ ...settings, autovacuum: 'off' })) server.push('-c', `${name}=${value}`);
        const log = fs.openSync(path.join(this.folder, 'log'), 'a');
        this.child = spawn('setpriv', ['--pdeathsig', 'QUIT', ...server], {
            cwd: this.folder, stdio: ['ignore', log, log], detached: true, ...this.as,
        });
        this.ended = new Promise((resolve) => this.child.on('close', resolve));
        for (const until = Date.now() + patience; !this.answers(); )
            if (Date.now() > until) throw new Error(`PostgreSQL does not start: ${fs.readFileSync(path.join(this.folder, 'log'))}`);
    }

    answers() {
        try {
            execFileSync(path.join(this.programs, 'pg_isready'), ['-q', '-h', this.folder]);
            return true;
        } catch {
            execFileSync('sleep', ['0.1']);
            return false;
        }
    }

    sql(database, text) {
        const words = ['-X', '-q', '-A', '-t', '-h', this.folder, '-U', 'postgres', '-d', database, '-c', text];
        return execFileSync(path.join(this.programs, 'psql'), words, { encoding: 'utf8' }).trim();
    }

    // A database, empty or like another one, which nobody uses.
    make(like = 'template1') {
        const name = `t${++this.number}`;
        if (like !== 'template1') this.leave(like);
        this.sql('postgres', `CREATE DATABASE ${name} TEMPLATE ${like} STRATEGY file_copy`);
        return name;
    }

    remove(name) {
        this.sql('postgres', `DROP DATABASE ${name} WITH (FORCE)`);
    }

    // Until the processes that served its last users have gone.
    leave(name) {
        for (const until = Date.now() + patience; Date.now() < until; execFileSync('sleep', ['0.02']))
            if (this.sql('postgres', `SELECT count(*) FROM pg_stat_activity WHERE datname = '${name}'`) === '0') return;
    }

    url(name) {
        return `postgres:///${name}?host=${this.folder}&user=postgres`;
    }

    async close() {
        this.child.kill('SIGQUIT');
        await this.ended;
    }
}
