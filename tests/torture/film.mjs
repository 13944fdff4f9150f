// A film as a player sees it: every playlist, header, segment, subtitle and whole file, by what follows the asset's
// name in its address. What is served is compared with what was served when nothing went wrong.
import { createHash } from 'node:crypto';
import { good, json } from './server.mjs';

function addresses(text, base) {
    const found = [];
    for (const line of text.split('\n')) {
        const uri = /URI="([^"]+)"/.exec(line)?.[1] ?? (line && line[0] !== '#' ? line.trim() : null);
        if (uri) found.push(new URL(uri, base).pathname);
    }
    return found;
}

// {parts: name → hash, wrong: [sentence]}; a part that was not answered whole has no hash.
export async function watch(server, title) {
    const parts = new Map();
    const statuses = [];
    const play = await server.admin('POST', `/v1/titles/${title}/play`);
    if (!good(play)) return { parts, statuses: [play?.status ?? null] };
    const { hls, dash, progressive, subtitles } = json(play);
    const queue = [hls, dash, progressive, ...subtitles.map((subtitle) => subtitle.url)];
    const seen = new Set(queue);
    for (const where of queue) {
        const answer = await server.get(where);
        const name = where.split('/').slice(3).join('/');
        if (!good(answer)) {
            statuses.push(answer?.status ?? null);
            continue;
        }
        parts.set(name, createHash('sha256').update(answer.bytes).digest('hex').slice(0, 16));
        if (!name.endsWith('.m3u8')) continue;
        for (const next of addresses(answer.bytes.toString('utf8'), `http://x${where}`))
            if (!seen.has(next)) seen.add(next), queue.push(next);
    }
    return { parts, statuses };
}

// What is not as in the reference. `whole`: every part must be there.
export function differences(watched, reference, whole) {
    const wrong = [];
    for (const [name, hash] of watched.parts)
        if (reference.get(name) !== hash) wrong.push(`${name} is served with other bytes`);
    if (whole && wrong.length === 0)
        for (const name of reference.keys())
            if (!watched.parts.has(name)) wrong.push(`${name} is not served (${watched.statuses[0]})`);
    return wrong.slice(0, 3);
}
