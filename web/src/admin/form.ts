// The form of a title as plain strings, by the names the server gives its fields ("year",
// "synopsis.ru"), and the way from the wire and back. Strings, because what was typed and is wrong
// must stay as typed.
import type { EditText, TitleEdit } from './types';

export type Values = Record<string, string>;

export const TEXTS = ['title', 'tagline', 'synopsis'] as const;
export const LISTS = ['genres', 'countries', 'languages'] as const;
const NUMBERS = ['year', 'runtime_min'] as const;
const TIMES = ['available_from', 'available_to'] as const;
const WORDS = ['original_title', 'original_language', 'age_rating'] as const;
export const FACTS = [
  'original_title',
  'original_language',
  'year',
  'runtime_min',
  'age_rating',
  ...LISTS,
] as const;
export const FIRST_LANGUAGES = ['ru', 'en'];
export const LANGUAGE_TAG = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/;

const has = (names: readonly string[], name: string) => names.includes(name);

// RFC 3339 in UTC to what <input type="datetime-local"> holds, in the editor's own zone, and back.
export function localTime(rfc3339: string | null): string {
  if (!rfc3339) return '';
  const at = new Date(rfc3339);
  if (Number.isNaN(at.getTime())) return '';
  const shifted = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

function wireTime(local: string): string | null {
  const at = new Date(local);
  return local && !Number.isNaN(at.getTime()) ? at.toISOString() : null;
}

export function languagesOf(values: Values): string[] {
  const found = new Set(FIRST_LANGUAGES);
  for (const name of Object.keys(values)) {
    const [field = '', language] = name.split('.');
    if (language && has(TEXTS, field)) found.add(language);
  }
  return [...found];
}

export function withLanguage(values: Values, language: string): Values {
  const added = Object.fromEntries(TEXTS.map((field) => [`${field}.${language}`, '']));
  return { ...added, ...values };
}

export function emptyValues(): Values {
  const facts = [...FACTS, ...TIMES].map((name) => [name, '']);
  return FIRST_LANGUAGES.reduce(withLanguage, Object.fromEntries(facts) as Values);
}

export function valuesOf(edit: TitleEdit): Values {
  const values = emptyValues();
  for (const [language, text] of Object.entries(edit.texts)) {
    for (const field of TEXTS) values[`${field}.${language}`] = text[field] ?? '';
  }
  for (const name of LISTS) values[name] = edit[name].join(', ');
  for (const name of NUMBERS) values[name] = edit[name] === null ? '' : String(edit[name]);
  for (const name of WORDS) values[name] = edit[name] ?? '';
  for (const name of TIMES) values[name] = localTime(edit[name]);
  return values;
}

export function changedFields(values: Values, base: Values): string[] {
  return Object.keys(values).filter((name) => (values[name] ?? '') !== (base[name] ?? ''));
}

export function listOf(name: string, text: string): string[] {
  const parts = text.split(/[,\s]+/).filter(Boolean);
  return parts.map((part) => (name === 'countries' ? part.toUpperCase() : part.toLowerCase()));
}

// What cannot be sent at all; everything else the server judges.
export function badNumbers(values: Values): string[] {
  return NUMBERS.filter((name) => !/^\d*$/.test((values[name] ?? '').trim()));
}

type Body = Record<string, unknown>;

export function bodyOf(values: Values, names: string[]): Body {
  const body: Body = {};
  const texts: Record<string, Partial<EditText>> = {};
  for (const name of names) {
    const text = (values[name] ?? '').trim();
    const [field = '', language] = name.split('.');
    if (language) (texts[language] ??= {})[field as keyof EditText] = text;
    else if (has(LISTS, name)) body[name] = listOf(name, text);
    else if (has(NUMBERS, name)) body[name] = text ? Number(text) : null;
    else if (has(TIMES, name)) body[name] = wireTime(text);
    else body[name] = text || null;
  }
  if (Object.keys(texts).length > 0) body.texts = texts;
  return body;
}

// A problem names a field as it stands in the body: "texts.ru.title"; the form says "title.ru".
export function fieldOf(problemField: string): string {
  const parts = problemField.replace(/^\//, '').split(/[./[\]]+/).filter(Boolean);
  if (parts[0] === 'texts' && parts.length >= 3) return `${parts[2]}.${parts[1]}`;
  return parts[0] ?? problemField;
}
