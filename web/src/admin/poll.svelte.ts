// What changes by itself on the server, asked again and again while somebody looks.
import { type ApiError, get, isAbort } from '../lib/api';
import { failureOf } from './session.svelte';

const PERIOD_MS = 1500;

export interface Polled<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  refresh(): void;
}

// Must be called while a component is being set up. `url` may answer null: nothing to ask.
export function polled<T>(url: () => string | null, period_ms: () => number = () => PERIOD_MS): Polled<T> {
  let data = $state.raw<T | null>(null);
  let error = $state.raw<ApiError | null>(null);
  let round = $state(0);
  let shown: string | null = null;

  $effect(() => {
    const wanted = url();
    void round;
    if (wanted !== shown) data = null;
    shown = wanted;
    if (wanted === null) return;
    const control = new AbortController();
    let timer = 0;
    const later = () => {
      clearTimeout(timer);
      if (!control.signal.aborted) timer = window.setTimeout(ask, period_ms());
    };
    const ask = () => {
      if (document.hidden) return;
      get<T>(wanted, control.signal).then(
        (answer) => {
          data = answer;
          error = null;
          later();
        },
        (reason: unknown) => {
          if (isAbort(reason)) return;
          error = failureOf(reason);
          later();
        },
      );
    };
    const wake = () => {
      clearTimeout(timer);
      ask();
    };
    ask();
    document.addEventListener('visibilitychange', wake);
    return () => {
      control.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', wake);
    };
  });

  return {
    get data() {
      return data;
    },
    get error() {
      return error;
    },
    refresh: () => (round += 1),
  };
}
