// The wire types of /v1, as far as the web reads them.

export type Kind = 'film' | 'series' | 'episode';
export type Status = 'draft' | 'published' | 'archived';

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface TitleCard {
  id: string;
  kind: Kind;
  title: string;
  original_title: string;
  year: number | null;
  runtime_min: number | null;
  genres: string[];
  countries: string[];
  age_rating: string | null;
  poster: string | null;
  backdrop: string | null;
  playable: boolean;
  synopsis: string;
  status?: Status;
}

export interface Credit {
  id: string;
  name: string;
  role: string;
  character: string | null;
}

export interface AudioInfo {
  language: string;
  label: string;
  channels: number;
}

export interface SubtitleInfo {
  language: string;
  label: string;
  forced: boolean;
}

export interface Edition {
  id: string;
  name: string;
  duration_ms: number;
  playable: boolean;
  width: number;
  height: number;
  audio: AudioInfo[];
  subtitles: SubtitleInfo[];
}

export interface EpisodeCard {
  id: string;
  number: number;
  title: string;
  runtime_min: number | null;
  synopsis: string;
  playable: boolean;
  still: string | null;
}

export interface Season {
  number: number;
  title: string;
  episodes: EpisodeCard[];
}

export interface Title extends TitleCard {
  tagline: string;
  languages: string[];
  people: Credit[];
  editions: Edition[];
  external_ids: Record<string, string>;
  series_id: string | null;
  season: number | null;
  episode: number | null;
  seasons: Season[];
  collections: { id: string; name: string }[];
  extras: { id: string; name: string; kind: string }[];
  status: Status;
  available_from: string | null;
  available_to: string | null;
  version: number;
  updated_at: string;
}

export interface PersonCard {
  id: string;
  name: string;
}

export interface Person extends PersonCard {
  born: number | null;
  died: number | null;
  biography: string;
  titles: TitleCard[];
  roles: string[]; /* of titles, in their order */
}

export interface Facet {
  slug: string;
  name: string;
  count: number;
}

export interface Shelf {
  id: string;
  slug: string;
  name: string;
  titles: TitleCard[];
}

export interface Home {
  hero: TitleCard | null;
  shelves: Shelf[];
}

export interface Playback {
  hls: string;
  dash: string;
  progressive: string | null;
  duration_ms: number;
}
