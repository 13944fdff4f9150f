// What is said of a title in a line: its name, and facts: year, length, genres, country, age.
import { runtime } from '../lib/format';
import { countryName, t } from '../lib/i18n.svelte';
import { genreName } from '../lib/genres.svelte';
import type { EpisodeCard, Title, TitleCard } from '../lib/types';

// Episodes often come without a name of their own: then their number is one.
export function episodeName(episode: Pick<EpisodeCard, 'title' | 'number'>): string {
  return episode.title || t('title.episode', { number: episode.number });
}

export function titleName(film: Title): string {
  const { kind, title, episode } = film;
  return kind === 'episode' ? episodeName({ title, number: episode ?? 1 }) : title;
}

export function metaLine(card: TitleCard, countries = false): string[] {
  const parts: string[] = [];
  if (card.year !== null) parts.push(String(card.year));
  if (card.runtime_min) parts.push(runtime(card.runtime_min));
  if (countries) parts.push(...card.countries.slice(0, 2).map(countryName));
  parts.push(...card.genres.slice(0, 3).map(genreName));
  return parts;
}
