// The order a series is watched in. Season 0 holds the specials: they stand last, and nothing leads
// into them or out of them by itself.
import { t } from '../lib/i18n.svelte';
import { progressFind } from '../lib/progress.svelte';
import type { EpisodeCard, Season } from '../lib/types';
import { episodeName } from './meta';

const SPECIALS = 0;

export function seasonName(season: Pick<Season, 'number' | 'title'>): string {
  if (season.title) return season.title;
  return season.number === SPECIALS ? t('title.specials') : t('title.season', { number: season.number });
}

// "Season 1, Episode 2", whatever the episode is called.
export function placeName(season: number, episode: number): string {
  const number = t('title.episode', { number: episode });
  return `${seasonName({ number: season, title: '' })}, ${number}`;
}

export function seasonsInOrder(seasons: Season[]): Season[] {
  const rank = ({ number }: Season) => (number === SPECIALS ? Infinity : number);
  return [...seasons].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

const regular = (seasons: Season[]) => seasonsInOrder(seasons).filter((one) => one.number !== SPECIALS);
const specials = (seasons: Season[]) => seasons.filter((one) => one.number === SPECIALS);
const playable = (seasons: Season[]) =>
  seasons.flatMap((season) =>
    season.episodes
      .filter((episode) => episode.playable)
      .map((episode) => ({ ...episode, title: episodeName(episode), season: season.number })),
  );

export type PlacedEpisode = EpisodeCard & { season: number };

export function episodeAfter(seasons: Season[], id: string): PlacedEpisode | null {
  for (const line of [regular(seasons), specials(seasons)]) {
    const ids = line.flatMap((season) => season.episodes.map((episode) => episode.id));
    if (!ids.includes(id)) continue;
    const later = new Set(ids.slice(ids.indexOf(id) + 1));
    return playable(line).find((episode) => later.has(episode.id)) ?? null;
  }
  return null;
}

// What the series offers first: the episode begun last, else the beginning.
export function episodeUpNext(seasons: Season[]): PlacedEpisode | null {
  const all = [...playable(regular(seasons)), ...playable(specials(seasons))];
  const begun = all
    .map((episode) => ({ episode, at: progressFind(episode.id)?.at ?? 0 }))
    .filter((one) => one.at > 0)
    .sort((a, b) => b.at - a.at);
  return begun[0]?.episode ?? all[0] ?? null;
}
