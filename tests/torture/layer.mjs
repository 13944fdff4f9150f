// The driver's side of the fault layer (layer.h): what it is told, what it tells, and the state of the folder
// after a power cut, made of its journal.
import fs from 'node:fs';
import path from 'node:path';

export const kinds = ['write', 'truncate', 'sync', 'dir', 'open', 'read', 'accept', 'alloc', 'query', 'sent'];
export const modes = ['count', 'fail', 'stay', 'short', 'before', 'half', 'after'];

const hitAt = 128;
const logLenAt = 512;
const logAt = 520;
const ordersBytes = logAt + (4 << 20);
const healedAt = 20;

// A folder for the layer of one process: its orders, and what it keeps of synced files.
export class Layer {
    constructor(folder) {
        this.folder = folder;
        this.file = path.join(folder, 'orders');
        fs.rmSync(folder, { recursive: true, force: true });
        fs.mkdirSync(path.join(folder, 'kept'), { recursive: true });
    }

    order({ kind = 'write', mode = 'count', at = 0, error = 0, stay = 0 }) {
        const head = Buffer.alloc(logAt);
        head.writeUInt32LE(kinds.indexOf(kind), 0);
        head.writeUInt32LE(modes.indexOf(mode), 4);
        head.writeBigUInt64LE(BigInt(at), 8);
        head.writeInt32LE(error, 16);
        head.writeUInt32LE(stay, 28);
        fs.writeFileSync(this.file, head);
        fs.truncateSync(this.file, ordersBytes);
    }

    // From here on nothing is refused.
    heal() {
        const fd = fs.openSync(this.file, 'r+');
        fs.writeSync(fd, Buffer.from([1]), 0, 1, healedAt);
        fs.closeSync(fd);
    }

    read() {
        const fd = fs.openSync(this.file, 'r');
        const head = Buffer.alloc(logAt);
        fs.readSync(fd, head, 0, logAt, 0);
        const log = Buffer.alloc(Number(head.readBigUInt64LE(logLenAt)));
        fs.readSync(fd, log, 0, log.length, logAt);
        fs.closeSync(fd);
        const hit = head.subarray(hitAt, logLenAt);
        return {
            counts: Object.fromEntries(kinds.map((kind, i) => [kind, Number(head.readBigUInt64LE(32 + i * 8))])),
            hits: head.readUInt32LE(24),
            hit: hit.subarray(0, hit.indexOf(0)).toString(),
            log: log.toString('utf8'),
        };
    }

    kept(ino) {
        const file = path.join(this.folder, 'kept', ino);
        return fs.existsSync(file) ? fs.readFileSync(file) : null;
    }
}

// --- What was there before --------------------------------------------------------------------------------------

// Every name below `root` by inode: the tree at the start, all of which is on the disk, or the one at the end.
export function survey(root) {
    const seen = { root: null, folders: new Map(), files: new Map() };
    const walk = (folder) => {
        const ino = fs.lstatSync(folder, { bigint: true }).ino.toString();
        const names = new Map();
        seen.folders.set(ino, names);
        for (const name of fs.readdirSync(folder)) {
            const full = path.join(folder, name);
            const info = fs.lstatSync(full, { bigint: true });
            const inner = info.ino.toString();
            if (info.isDirectory()) names.set(name, walk(full));
            else if (info.isFile()) {
                names.set(name, inner);
                seen.files.set(inner, full);
            }
        }
        return ino;
    };
    seen.root = walk(root);
    return seen;
}

// --- What a power cut leaves ------------------------------------------------------------------------------------

// The names: operations that were synced, and of the others the first so many (file systems keep their order).
function namesAfter(before, log, share) {
    const folders = new Map([...before.folders].map(([ino, names]) => [ino, new Map(names)]));
    const lines = log.split('\n').slice(0, -1).map((line) => line.split('\t'));
    const synced = new Map();
    lines.forEach(([what, ino], at) => what === 's' && synced.set(ino, at));
    const durable = (line, at) =>
        (synced.get(line[1]) ?? -1) > at || (line[0] === 'r' && (synced.get(line[3]) ?? -1) > at);
    const loose = lines.filter((line, at) => line[0] !== 's' && !durable(line, at)).length;
    let kept = Math.round(loose * share);
    const of = (ino) => {
        if (!folders.has(ino)) folders.set(ino, new Map());
        return folders.get(ino);
    };
    lines.forEach((line, at) => {
        const [what, folder, name] = line;
        if (what === 's' || (!durable(line, at) && kept-- <= 0)) return;
        if (what === 'c') of(folder).set(name, line[3]);
        if (what === 'm') of(folder).set(name, line[3]), of(line[3]);
        if (what === 'u') of(folder).delete(name);
        if (what !== 'r') return;
        if (of(folder).get(name) === line[5]) of(folder).delete(name);
        of(line[3]).set(line[4], line[5]);
    });
    return folders;
}

// Of two contents of a file, which sectors are on the disk: the old ones, the new ones, or some of each.
function mixed(old, fresh, pick, sector) {
    const size = pick('size') ? fresh.length : old.length;
    const out = Buffer.alloc(size);
    old.copy(out, 0, 0, Math.min(size, old.length));
    for (let at = 0; at < size; at += sector) {
        const end = Math.min(size, at + sector);
        if (fresh.length > at && !same(old, fresh, at, end) && pick('sector')) fresh.copy(out, at, at, end);
    }
    return out;
}

function same(a, b, from, to) {
    return a.subarray(from, to).equals(b.subarray(from, to));
}

// What is written and not yet synced is lost, kept, or torn. `share`: of the names that were not synced, so many stay.
export const cuts = {
    lost: () => ({ share: 0, pick: () => false, sector: 4096 }),
    names: () => ({ share: 1, pick: () => false, sector: 4096 }),
    data: () => ({ share: 0, pick: () => true, sector: 4096 }),
    long: () => ({ share: 1, pick: (what) => what === 'size', sector: 4096 }), // grown files whose bytes are zeros
    torn: (random) => ({ share: random(), pick: () => random() < 0.5, sector: random() < 0.5 ? 512 : 4096 }),
};

// Makes the folder `to` what the disk holds after the power went while the process had `from`.
export function powerCut({ layer, log, before, contentBefore, from, to, cut }) {
    const folders = namesAfter(before, log, cut.share);
    const now = survey(from);
    const empty = Buffer.alloc(0);
    const content = (ino) => {
        const old = layer.kept(ino) ?? contentBefore(ino) ?? empty;
        const fresh = now.files.has(ino) ? fs.readFileSync(now.files.get(ino)) : old;
        return mixed(old, fresh, cut.pick, cut.sector);
    };
    const write = (ino, place) => {
        fs.mkdirSync(place, { mode: 0o700, recursive: true });
        for (const [name, inner] of folders.get(ino)) {
            const full = path.join(place, name);
            if (folders.has(inner)) write(inner, full);
            else fs.writeFileSync(full, content(inner), { mode: 0o600 });
        }
    };
    write(before.root, to);
}
