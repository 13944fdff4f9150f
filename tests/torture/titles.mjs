// Writers of titles: each takes a title of its own through known states, notes which change was acknowledged, and
// can tell of what is there later whether it is one of those states, and none older than promised.
import { good, json } from './server.mjs';

// The states in their order; every change sets two fields, so that half of one would show.
const states = [
    { number: 1, status: 'draft' },
    { number: 2, status: 'draft' },
    { number: 2, status: 'published' },
    { number: 4, status: 'published' },
    { number: 4, status: 'archived' },
];

function fields(name, number) {
    return { runtime_min: number, texts: { en: { title: name, tagline: `change ${number}` } } };
}

function stateOf(view) {
    const number = view.runtime_min;
    if (view.texts.en?.tagline !== `change ${number}`) return -1;
    return states.findIndex((state) => state.number === number && state.status === view.status);
}

export class Writer {
    constructor(name) {
        Object.assign(this, { name, id: null, known: -1, tried: -1, etag: null, wrong: [] });
    }

    request(server, step) {
        const match = { 'If-Match': this.etag ?? '"none"' };
        if (step === 0) return server.admin('POST', '/v1/titles', { kind: 'film', ...fields(this.name, 1) });
        if (step === 2) return server.admin('POST', `/v1/titles/${this.id}/publish`, undefined, match);
        if (step === 4) return server.admin('POST', `/v1/titles/${this.id}/archive`, undefined, match);
        return server.admin('PATCH', `/v1/titles/${this.id}`, fields(this.name, states[step].number), match);
    }

    async step(server, step) {
        this.tried = Math.max(this.tried, step);
        const answer = await this.request(server, step);
        if (answer?.hang) this.wrong.push(`${this.name}: change ${step + 1} is never answered`);
        if (!good(answer)) return false;
        this.known = step;
        this.id = json(answer)?.id ?? this.id;
        this.etag = answer.headers.etag ?? null;
        if (!this.etag) await this.look(server);
        return true;
    }

    // What is there now is promised as well: it was shown.
    async look(server) {
        const answer = this.id && (await server.admin('GET', `/v1/titles/${this.id}/edit`));
        if (!answer || !good(answer)) return;
        const state = stateOf(json(answer));
        if (state < this.known || state > this.tried)
            this.wrong.push(`${this.name} is shown in state ${state}, ${this.known} was acknowledged`);
        this.known = Math.max(this.known, state);
        const shown = await server.admin('GET', `/v1/titles/${this.id}`);
        if (good(shown)) this.etag = shown.headers.etag;
    }

    // Goes on after a refusal, once a step; `alive` says whether there is anybody left to ask.
    async run(server, alive) {
        for (let step = 0; step < states.length && alive(); step++) {
            if (this.known >= step) continue;
            if (await this.step(server, step)) continue;
            if (!alive()) return;
            await this.look(server);
            if (this.known < step && !(await this.step(server, step)) && this.id === null) return;
        }
    }

    // After the restart: what is wrong.
    async check(server) {
        const wrong = [...this.wrong];
        const view = this.id ?? (await findId(server, this.name));
        if (view === null) return this.known >= 0 ? [...wrong, `${this.name} is lost`] : wrong;
        const answer = await server.admin('GET', `/v1/titles/${view}/edit`);
        if (!good(answer)) return [...wrong, `${this.name} (${view}) is answered ${answer?.status}`];
        const state = stateOf(json(answer));
        if (state < 0) wrong.push(`half a change of ${this.name}: ${answer.bytes}`);
        else if (state < this.known || state > this.tried)
            wrong.push(`${this.name} is in state ${state}, ${this.known} was acknowledged, ${this.tried} asked for`);
        if (state < 0) return wrong;
        const listed = await listedAs(server, this.name);
        const shown = states[state].status === 'published';
        if (listed.includes(view) !== shown)
            wrong.push(`${this.name} is ${states[state].status} and listed: ${listed.includes(view)}`);
        if (listed.length > 1) wrong.push(`${this.name} is there ${listed.length} times`);
        return wrong;
    }
}

async function listedAs(server, name) {
    const answer = await server.get(`/v1/titles?prefix=${encodeURIComponent(name)}`);
    return good(answer) ? json(answer).items.filter((item) => item.title === name).map((item) => item.id) : [];
}

// Of a title whose creation nobody acknowledged.
async function findId(server, name) {
    for (let id = 1; id < 40; id++) {
        const answer = await server.admin('GET', `/v1/titles/${id}/edit`);
        if (good(answer) && json(answer).texts.en?.title === name) return String(id);
    }
    return null;
}
