// Numbers a person reads: times, runtimes, sizes, dates.
import { formatNumber, lang, t } from './i18n.svelte';

export function clock(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  const s = String(total % 60).padStart(2, '0');
  return h > 0 ? `${h}:${String(m).padStart(2, '0')}:${s}` : `${m}:${s}`;
}

export function runtime(minutes: number): string {
  const h = Math.floor(minutes / 60);
  const m = minutes % 60;
  if (h === 0) return t('runtime.m', { m });
  return m === 0 ? t('runtime.h', { h }) : t('runtime.hm', { h, m });
}

export function bytes(size: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'] as const;
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const rounded = value >= 100 || unit === 0 ? Math.round(value) : Math.round(value * 10) / 10;
  return `${formatNumber(rounded)} ${t(`unit.${units[unit] ?? 'B'}`)}`;
}

export function dateTime(rfc3339: string): string {
  const date = new Date(rfc3339);
  if (Number.isNaN(date.getTime())) return rfc3339;
  return new Intl.DateTimeFormat(lang(), { dateStyle: 'medium', timeStyle: 'short' }).format(date);
}

// Years of a life, or nothing when none is known.
export function lifespan(born: number | null, died: number | null): string {
  if (born === null && died === null) return '';
  if (died === null) return t('person.born', { year: born ?? '' });
  return `${born ?? '?'} – ${died}`;
}
