// Filters of the browse page, read from and written to the address.
import type { Query } from '../lib/api';

export const SORTS = ['-added', 'title', '-year', 'year'] as const;

export interface FilterValues {
  genre: string;
  country: string;
  yearFrom: string;
  yearTo: string;
  sort: string;
  playable: boolean;
}

export const NO_FILTERS: FilterValues = {
  genre: '',
  country: '',
  yearFrom: '',
  yearTo: '',
  sort: '',
  playable: false,
};

function year(text: string | null): string {
  return text && /^\d{4}$/.test(text) ? text : '';
}

export function filtersFrom(query: URLSearchParams): FilterValues {
  const sort = query.get('sort') ?? '';
  return {
    genre: query.get('genre') ?? '',
    country: query.get('country') ?? '',
    yearFrom: year(query.get('year_from')),
    yearTo: year(query.get('year_to')),
    sort: (SORTS as readonly string[]).includes(sort) ? sort : '',
    playable: query.get('playable') === 'true',
  };
}

export function filtersQuery(values: FilterValues): Query {
  return {
    genre: values.genre,
    country: values.country,
    year_from: values.yearFrom,
    year_to: values.yearTo,
    sort: values.sort,
    playable: values.playable ? 'true' : '',
  };
}
