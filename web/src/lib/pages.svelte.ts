// A long list read page by page: starts again when its question changes, never mixes two questions.
import { type ApiError, get, isAbort } from './api';
import { asApiError } from './resource.svelte';
import type { Page } from './types';

export interface Pages<T> {
  readonly items: T[];
  readonly error: ApiError | null;
  readonly loading: boolean;
  readonly done: boolean;
  more(): void;
  reload(): void;
}

function join(url: string, cursor: string | null): string {
  if (cursor === null) return url;
  return `${url}${url.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
}

// Must be called while a component is being set up.
export function pages<T extends { id: string }>(url: () => string | null): Pages<T> {
  let items = $state.raw<T[]>([]);
  let error = $state.raw<ApiError | null>(null);
  let loading = $state(false);
  let next = $state<string | null>(null);
  let begun = $state(false);
  let round = $state(0);
  let control = new AbortController();

  function load(base: string, cursor: string | null): void {
    const mine = control;
    loading = true;
    error = null;
    get<Page<T>>(join(base, cursor), mine.signal).then(
      (page) => {
        const seen = new Set(cursor === null ? [] : items.map((one) => one.id));
        const fresh = page.items.filter((one) => !seen.has(one.id));
        items = cursor === null ? page.items : [...items, ...fresh];
        next = page.next;
        begun = true;
        loading = false;
      },
      (reason: unknown) => {
        if (isAbort(reason) || mine !== control) return;
        error = asApiError(reason);
        loading = false;
      },
    );
  }

  $effect(() => {
    const wanted = url();
    void round;
    control.abort();
    control = new AbortController();
    begun = false;
    next = null;
    if (wanted === null) {
      items = [];
      return;
    }
    load(wanted, null);
  });

  $effect(() => () => control.abort());

  return {
    get items() {
      return items;
    },
    get error() {
      return error;
    },
    get loading() {
      return loading;
    },
    get done() {
      return begun && next === null;
    },
    more() {
      const base = url();
      if (!loading && base !== null && next !== null) load(base, next);
    },
    reload: () => (round += 1),
  };
}
