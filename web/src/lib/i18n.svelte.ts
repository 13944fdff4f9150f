// Two languages, one dictionary a language, keys checked by the compiler. The admin brings its own
// dictionary with its own chunk through the same `translator`.
import { en, type Messages } from '../locales/en';
import { ru } from '../locales/ru';
import { storeRead, storeWrite } from './storage';

export type Lang = 'ru' | 'en';
export const LANGS: readonly Lang[] = ['ru', 'en'];

function initial(): Lang {
  const saved = storeRead<string>('lang', '');
  if (saved === 'ru' || saved === 'en') return saved;
  const wanted = navigator.languages.map((name) => name.slice(0, 2));
  return wanted.find((name): name is Lang => name === 'ru' || name === 'en') ?? 'en';
}

const state = $state<{ lang: Lang }>({ lang: initial() });

export function lang(): Lang {
  return state.lang;
}

export function setLang(next: Lang): void {
  state.lang = next;
  storeWrite('lang', next);
}

export type Params = Record<string, string | number>;

function fill(text: string, params?: Params): string {
  if (!params) return text;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(params[name] ?? whole));
}

// A translator for one pair of dictionaries; calling it inside markup follows the language.
export function translator<K extends string>(dictionaries: Record<Lang, Record<K, string>>) {
  return (key: K, params?: Params): string => fill(dictionaries[state.lang][key], params);
}

const dictionaries: Record<Lang, Messages> = { en, ru };
export const t = translator<keyof Messages>(dictionaries);

// A key made of data (a role, a slug): its translation, or undefined.
export function tMaybe(key: string): string | undefined {
  return dictionaries[state.lang][key as keyof Messages];
}

// "1 film, 2 films" the way the language counts; forms are one|few|many or one|other.
export function plural(count: number, forms: string): string {
  const rule = new Intl.PluralRules(state.lang).select(count);
  const parts = forms.split('|');
  const index = rule === 'one' ? 0 : rule === 'few' && parts.length > 2 ? 1 : parts.length - 1;
  return fill(parts[index] ?? '', { n: formatNumber(count) });
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(state.lang).format(value);
}

function displayName(type: 'region' | 'language', code: string): string {
  try {
    return new Intl.DisplayNames([state.lang], { type }).of(code) ?? code;
  } catch {
    return code;
  }
}

export function countryName(code: string): string {
  return displayName('region', code.toUpperCase());
}

export function languageName(code: string): string {
  if (!code || code === 'und') return t('language.unknown');
  const name = displayName('language', code);
  return name.charAt(0).toLocaleUpperCase(state.lang) + name.slice(1);
}
