// Which faults there are. A unit is a call to be met in a way: scenario/kind/way@n; each of its cuts is a case.
import { killing } from './case.mjs';
import { randomOf } from './random.mjs';
import { scenarios } from './scenarios.mjs';

const errno = { EIO: 5, ENOMEM: 12, EMFILE: 24, ENOSPC: 28, ECONNABORTED: 103 };
const sqlite = { NOMEM: 7, IOERR: 10, FULL: 13 };
const sent = { LOST: 1, UNHEARD: 2, FULL: 3, SERIAL: 4 }; // statements.c

// The ways a kind of call goes wrong. A way is a mode, with the error it says.
const ways = {
    write: ['fail-EIO', 'fail-ENOSPC', 'stay-ENOSPC', 'short', 'before', 'half', 'after'],
    truncate: ['fail-EIO', 'before', 'after'],
    sync: ['fail-EIO', 'stay-EIO', 'before', 'after'],
    dir: ['fail-ENOSPC', 'fail-EIO', 'stay-ENOSPC', 'before', 'after'],
    open: ['fail-EMFILE', 'stay-EMFILE'],
    read: ['fail-EIO', 'stay-EIO', 'short'],
    accept: ['fail-EMFILE', 'stay-EMFILE', 'fail-ECONNABORTED', 'before', 'after'],
    alloc: ['fail-ENOMEM', 'stay-ENOMEM'],
    query: ['fail-IOERR', 'fail-FULL', 'fail-NOMEM', 'before', 'after'],
    sent: ['fail-LOST', 'stay-LOST', 'fail-UNHEARD', 'fail-FULL', 'fail-SERIAL', 'before', 'after'],
};
const acceptsRefused = 5;
const cutsOfKill = ['kept', 'lost', 'names', 'data', 'long', 'torn-1', 'torn-2'];
const endsOfServer = ['SIGTERM', 'SIGKILL', 'cut'];

export function unitName(unit) {
    return `${unit.scenario}/${unit.kind}/${unit.way}@${unit.at}`;
}

export function unitOf(name) {
    const found = /^(\w+)\/(\w+)\/([\w-]+)@(\d+)(?:\/([\w-]+))?$/.exec(name);
    if (!found || !scenarios[found[1]] || !ways[found[2]]?.includes(found[3])) return null;
    return { scenario: found[1], kind: found[2], way: found[3], at: Number(found[4]), only: found[5] };
}

// What caseRun() is told of it. A kill is followed by every cut; a refusal by one of three ends.
export function specOf(unit, seed) {
    const [mode, error] = unit.way.split('-');
    const stay = unit.kind === 'accept' ? acceptsRefused : 0; // who is not let in cannot tell that it is over
    const errors = unit.kind === 'sent' ? sent : { ...errno, ...sqlite };
    const spec = { ...unit, mode, stay, seed: `${seed} ${unitName(unit)}`, error: errors[error] ?? 0 };
    if (killing.includes(mode)) return { ...spec, cuts: unit.only ? [unit.only] : cutsOfKill };
    const end = endsOfServer[Math.floor(randomOf(spec.seed)() * endsOfServer.length)];
    return { ...spec, end: end === 'SIGTERM' ? end : 'SIGKILL', cuts: [unit.only ?? (end === 'cut' ? 'lost' : 'kept')] };
}

function* unitsOf(counts, kinds) {
    for (const scenario of Object.keys(counts))
        for (const kind of kinds)
            for (let at = 1; at <= (counts[scenario][kind] ?? 0); at++)
                for (const way of ways[kind]) yield { scenario, kind, way, at };
}

// Every n of every kind, by what the counting runs have counted; in no order, so that half of it tells of all of it,
// but allocations last: there are ten times as many of them as of everything else.
export function unitsAll(counts, seed) {
    const random = randomOf(`all ${seed}`);
    const shuffled = (units) => {
        for (let i = units.length - 1; i > 0; i--) {
            const other = Math.floor(random() * (i + 1));
            [units[i], units[other]] = [units[other], units[i]];
        }
        return units;
    };
    const files = Object.keys(ways).filter((kind) => kind !== 'alloc');
    return [...shuffled([...unitsOf(counts, files)]), ...shuffled([...unitsOf(counts, ['alloc'])])];
}

// Without end: a scenario, a kind and a way, each as likely as another, then an n, and one end of it.
export function* unitsSample(counts, seed) {
    const random = randomOf(`sample ${seed}`);
    const one = (list) => list[Math.floor(random() * list.length)];
    for (;;) {
        const scenario = one(Object.keys(counts));
        const kind = one(Object.keys(ways).filter((name) => counts[scenario][name]));
        const way = one(ways[kind]);
        const only = killing.includes(way) ? one(cutsOfKill) : undefined;
        yield { scenario, kind, way, at: 1 + Math.floor(random() * counts[scenario][kind]), only };
    }
}
