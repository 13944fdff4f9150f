// Names of genres in the viewer's language, asked once a language and shared by all pages.
import { get, withQuery } from './api';
import { lang, type Lang } from './i18n.svelte';
import type { Facet, Page } from './types';

const names = $state<Record<string, Record<string, string>>>({});
const asked = new Set<Lang>();

function ask(code: Lang): void {
  if (asked.has(code)) return;
  asked.add(code);
  get<Page<Facet>>(withQuery('/v1/genres', { lang: code })).then(
    (page) => (names[code] = Object.fromEntries(page.items.map((one) => [one.slug, one.name]))),
    () => asked.delete(code),
  );
}

export function genreName(slug: string): string {
  const code = lang();
  queueMicrotask(() => ask(code));
  return names[code]?.[slug] ?? slug;
}
