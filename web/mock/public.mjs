// Public reads of the mock: titles, people, facets, home, play.
import { filmSeconds } from './film.mjs';
import { GENRES, people, SHELVES } from './data.mjs';
import { Problem } from './problem.mjs';

const text = (title, lang) => title.texts[lang] ?? title.texts.en;

export function card(title, lang) {
  const { id, kind, year, runtime_min, genres, countries, age_rating, playable, original_title, status } = title;
  return {
    id, kind, title: text(title, lang).title, original_title, year, runtime_min, genres, countries, age_rating, playable, status,
    poster: title.art ? `/artwork/${id}?v=1` : null, backdrop: title.art && Number(id) % 3 === 1 ? `/artwork/${id}-wide?v=1` : null,
    synopsis: text(title, lang).synopsis,
  };
}

const nameOf = (id, lang) => people.get(id)[lang];

function edition(title, id, name, ms) {
  return {
    id, name, duration_ms: ms, playable: title.playable, width: 640, height: 360,
    audio: [{ language: 'ru', label: 'Русский', channels: 2 }, { language: 'en', label: 'English', channels: 2 }],
    subtitles: [{ language: 'ru', label: 'Русские', forced: false }, { language: 'en', label: 'English', forced: false }],
  };
}

function seasonsOf(state, title, lang) {
  const seasons = new Map();
  for (const other of state.titles.values()) {
    if (other.series_id !== title.id) continue;
    const season = seasons.get(other.season) ?? { number: other.season, title: '', episodes: [] };
    seasons.set(other.season, season);
    season.episodes.push({ id: other.id, number: other.episode, title: text(other, lang).title, runtime_min: other.runtime_min,
      synopsis: text(other, lang).synopsis, playable: other.playable, still: null });
  }
  return [...seasons.values()];
}

export function full(state, title, lang) {
  const hasFilm = title.playable && title.kind !== 'series';
  const editions = hasFilm ? [edition(title, `${title.id}1`, '', filmSeconds * 1000)] : [];
  if (title.id === '1') editions.push(edition(title, '12', lang === 'ru' ? 'Восстановленная версия' : 'Restored', filmSeconds * 1000));
  return {
    ...card(title, lang), tagline: text(title, lang).tagline, languages: title.languages,
    people: title.credits.map((credit) => ({ id: credit.person, name: nameOf(credit.person, lang), role: credit.role, character: credit[lang] })),
    editions, external_ids: { imdb: 'tt0017136' }, series_id: title.series_id ?? null, season: title.season ?? null,
    episode: title.episode ?? null, seasons: title.kind === 'series' ? seasonsOf(state, title, lang) : [],
    collections: SHELVES.filter((shelf) => shelf[3](title)).slice(1, 2).map(([slug, ru, en]) => ({ id: slug, name: lang === 'ru' ? ru : en })),
    extras: title.id === '1' ? [{ id: '2', name: lang === 'ru' ? 'Трейлер 1927 года' : 'Trailer of 1927', kind: 'trailer' }] : [],
    available_from: null, available_to: null, version: title.version, updated_at: '2026-11-20T12:00:00Z',
  };
}

function matches(title, query, lang) {
  const q = (name) => query.get(name);
  const words = (q('prefix') ?? '').toLocaleLowerCase();
  const names = [...Object.values(title.texts).map((one) => one.title), title.original_title].map((name) => name.toLocaleLowerCase());
  return (!q('kind') || title.kind === q('kind')) && (!q('genre') || title.genres.includes(q('genre'))) &&
    (!q('year_from') || title.year >= Number(q('year_from'))) && (!q('year_to') || title.year <= Number(q('year_to'))) &&
    (!q('country') || title.countries.includes(q('country'))) && (q('playable') !== 'true' || title.playable) &&
    (!q('person') || title.credits.some((credit) => credit.person === q('person'))) &&
    (!words || names.some((name) => name.split(/[\s«"]+/).some((word) => word.startsWith(words)) || name.startsWith(words))) && lang;
}

function sorted(titles, sort, lang) {
  const by = { added: (t) => t.added, year: (t) => t.year, title: (t) => text(t, lang).title };
  const name = sort?.replace('-', '') ?? '';
  const key = by[name];
  const order = sort?.startsWith('-') ? -1 : 1;
  const compare = (a, b) => (typeof a === 'string' ? a.localeCompare(b, lang) : a - b);
  if (!key) return titles.sort((a, b) => Number(b.playable) - Number(a.playable) || b.added - a.added);
  return titles.sort((a, b) => order * compare(key(a), key(b)));
}

export function page(items, url) {
  const limit = Number(url.searchParams.get('limit') ?? 24);
  const from = Number(url.searchParams.get('cursor') ?? 0);
  return { items: items.slice(from, from + limit), next: from + limit < items.length ? String(from + limit) : null };
}

function listTitles({ state, url, lang, admin }) {
  const status = url.searchParams.get('status') ?? 'published';
  if (status !== 'published' && !admin) throw new Problem(401, 'admin-required', 'Sign in first.');
  const shown = [...state.titles.values()].filter((title) => (status === 'any' || title.status === status) && matches(title, url.searchParams, lang));
  return page(sorted(shown, url.searchParams.get('sort'), lang).map((title) => card(title, lang)), url);
}

export function findTitle({ state, params, admin }) {
  const title = state.titles.get(params[0]);
  if (!title || (title.status !== 'published' && !admin)) throw new Problem(404, 'title-not-found', `There is no title ${params[0]}.`);
  return title;
}

function getTitle(context) {
  const title = findTitle(context);
  context.headers.ETag = `"${title.version}-${title.id}"`;
  return full(context.state, title, context.lang);
}

function listPeople({ url, lang }) {
  const words = (url.searchParams.get('prefix') ?? '').toLocaleLowerCase();
  const found = [...people.values()].filter((one) => `${one.ru} ${one.en}`.toLocaleLowerCase().split(' ').some((word) => word.startsWith(words)));
  return page(found.map((one) => ({ id: one.id, name: one[lang] })), url);
}

function getPerson({ state, params, lang }) {
  const one = people.get(params[0]);
  if (!one) throw new Problem(404, 'person-not-found', `There is no person ${params[0]}.`);
  const titles = [];
  for (const title of state.titles.values()) {
    const credit = title.credits.find((item) => item.person === one.id);
    if (credit && title.status === 'published' && title.kind !== 'episode') titles.push({ ...card(title, lang), role: credit.role, character: credit[lang] });
  }
  const biography = lang === 'ru' ? `${one.ru}: из тех, кто придумал кино, пока его никто не успел объяснить.` : `${one.en}: one of those who invented cinema before anyone could explain it.`;
  return { id: one.id, name: one[lang], born: one.born, died: one.died, biography, titles };
}

function facet({ state, lang }, values, nameFor) {
  const counts = new Map();
  for (const title of state.titles.values()) if (title.status === 'published') for (const value of values(title)) counts.set(value, (counts.get(value) ?? 0) + 1);
  const items = [...counts].map(([slug, count]) => ({ slug: String(slug), name: nameFor(slug), count }));
  return { items: items.sort((a, b) => a.name.localeCompare(b.name, lang)), next: null };
}

function home({ state, lang }) {
  const all = sorted([...state.titles.values()].filter((title) => title.status === 'published' && title.kind !== 'episode'), null, lang);
  const shelves = SHELVES.map(([slug, ru, en, test]) => ({ id: slug, slug, name: lang === 'ru' ? ru : en, titles: all.filter(test).map((title) => card(title, lang)) }));
  return { hero: all[0] ? card(all[0], lang) : null, shelves: shelves.filter((shelf) => shelf.titles.length > 0) };
}

function collection({ state, params, lang }) {
  const found = SHELVES.find(([slug]) => slug === params[0]);
  if (!found) throw new Problem(404, 'collection-not-found', `There is no collection ${params[0]}.`);
  const [slug, ru, en, test] = found;
  const titles = [...state.titles.values()].filter((title) => title.status === 'published' && title.kind !== 'episode' && test(title));
  return { id: slug, slug, kind: 'shelf', name: lang === 'ru' ? ru : en, description: '', count: titles.length, titles: titles.map((title) => card(title, lang)) };
}

function play(context) {
  const title = findTitle(context);
  if (!title.playable || title.kind === 'series') throw new Problem(409, 'not-playable', 'This title has no film.');
  const base = `/media/a${context.body.edition ?? title.id}`;
  return { hls: `${base}/master.m3u8`, dash: `${base}/manifest.mpd`, progressive: null, duration_ms: filmSeconds * 1000, title: text(title, context.lang).title,
    subtitles: ['ru', 'en'].map((language) => ({ language, label: language === 'ru' ? 'Русские' : 'English', url: `${base}/${language}.vtt` })) };
}

export const publicRoutes = [
  ['GET', /^\/v1\/titles$/, listTitles],
  ['GET', /^\/v1\/titles\/(\d+)$/, getTitle],
  ['GET', /^\/v1\/people$/, listPeople],
  ['GET', /^\/v1\/people\/(\d+)$/, getPerson],
  ['GET', /^\/v1\/genres$/, (c) => facet(c, (t) => t.genres, (slug) => GENRES[slug][c.lang === 'ru' ? 0 : 1])],
  ['GET', /^\/v1\/countries$/, (c) => facet(c, (t) => t.countries, (slug) => slug)],
  ['GET', /^\/v1\/years$/, (c) => facet(c, (t) => [t.year], String)],
  ['GET', /^\/v1\/home$/, home],
  ['GET', /^\/v1\/collections\/(\w+)$/, collection],
  ['POST', /^\/v1\/titles\/(\d+)\/play$/, play],
];
