// The line of facts under a title: year, length, genres, country, age.
import { runtime } from '../lib/format';
import { countryName } from '../lib/i18n.svelte';
import { genreName } from '../lib/genres.svelte';
import type { TitleCard } from '../lib/types';

export function metaLine(card: TitleCard, countries = false): string[] {
  const parts: string[] = [];
  if (card.year !== null) parts.push(String(card.year));
  if (card.runtime_min) parts.push(runtime(card.runtime_min));
  if (countries) parts.push(...card.countries.slice(0, 2).map(countryName));
  parts.push(...card.genres.slice(0, 3).map(genreName));
  return parts;
}
