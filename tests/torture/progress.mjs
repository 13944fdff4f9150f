// The full schedule's memory and voice: a file with a line a finished unit, so that it can be stopped and goes on,
// and a line on the terminal with rate and remaining time. Another program than the one that was tortured begins anew.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { unitName } from './schedule.mjs';

function clock(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    return `${Math.floor(whole / 3600)}:${String(Math.floor(whole / 60) % 60).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
}

export class Progress {
    constructor(file, binary, seed) {
        const hash = createHash('sha256').update(fs.readFileSync(binary)).digest('hex').slice(0, 16);
        const head = `torture ${hash} seed ${seed}`;
        Object.assign(this, { file, done: new Map(), cases: 0, violations: 0, unreached: 0, starved: 0, by: {}, stopped: false });
        fs.mkdirSync(path.dirname(file), { recursive: true });
        const lines = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
        if (lines[0] === head) for (const line of lines.slice(1)) this.count(JSON.parse(line));
        else fs.writeFileSync(file, `${head}\n`), fs.rmSync(`${file}.violations`, { force: true });
        process.on('SIGINT', () => (this.stopped ? process.exit(130) : (this.stopped = true)));
    }

    has(name) {
        return this.done.has(name);
    }

    count({ unit, cases, violations, hits, starved }) {
        const [, kind, way] = /^\w+\/(\w+)\/([\w-]+)@/.exec(unit);
        this.done.set(unit, true);
        this.cases += cases;
        this.violations += violations;
        this.unreached += hits ? 0 : 1;
        this.starved += starved ? 1 : 0;
        const row = (this.by[kind] ??= {});
        row[way] = (row[way] ?? 0) + cases;
    }

    begin(total, left) {
        Object.assign(this, { total, left, begun: Date.now(), ran: 0, said: 0 });
        if (left < total) console.log(`${total - left} of ${total} calls were tortured before; it goes on`);
    }

    add(unit, result, found) {
        const line = { unit: unitName(unit), cases: result.cases.length, violations: found.length, hits: result.hits, starved: result.starved };
        this.count(line);
        fs.appendFileSync(this.file, `${JSON.stringify(line)}\n`);
        for (const text of found) {
            this.clear();
            console.log(text);
            fs.appendFileSync(`${this.file}.violations`, `${text}\n`);
        }
        this.ran++;
        this.say();
    }

    clear() {
        if (process.stdout.isTTY) process.stdout.write('\r\x1b[K');
    }

    // A line that is written over on a terminal, one every half a minute elsewhere.
    say() {
        const now = Date.now();
        if (now - this.said < (process.stdout.isTTY ? 200 : 30000)) return;
        this.said = now;
        const rate = this.ran / ((now - this.begun) / 1000);
        const text =
            `${this.done.size} of ${this.total} calls, ${this.cases} cases, ${this.violations} violations, ` +
            `${rate.toFixed(1)} calls/s, ${clock((this.left - this.ran) / rate)} left`;
        this.clear();
        process.stdout.write(process.stdout.isTTY ? text : `${text}\n`);
    }

    end() {
        this.clear();
        console.table(this.by);
        if (this.unreached) console.log(`${this.unreached} calls were not reached in their own run (threads take turns)`);
        if (this.stopped) console.log('stopped: the same command goes on');
        console.log(`${this.cases} cases, ${this.violations} violations, ${this.starved} deaths for want of memory`);
    }
}
