// Numbers from a text, the same ones every time: a case is replayed by its name and seed.
export function randomOf(text) {
    let state = 2166136261; // FNV-1a, then mulberry32
    for (const letter of Buffer.from(text)) state = Math.imul(state ^ letter, 16777619);
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let t = Math.imul(state ^ (state >>> 15), 1 | state);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
}
