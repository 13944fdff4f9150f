// One thing loaded from the server and shown: follows its URL, aborts what is no longer wanted,
// shows what it knew at once and refreshes behind it.
import { ApiError, get, isAbort } from './api';

const KNOWN_MAX = 60;
const known = new Map<string, unknown>();

function keep(url: string, data: unknown): void {
  known.delete(url);
  known.set(url, data);
  const oldest = known.keys().next();
  if (known.size > KNOWN_MAX && !oldest.done) known.delete(oldest.value);
}

export function forgetKnown(): void {
  known.clear();
}

export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(-1, 'unexpected', String(error));
}

export interface Resource<T> {
  readonly data: T | null;
  readonly error: ApiError | null;
  readonly loading: boolean;
  reload(): void;
}

// Must be called while a component is being set up. `url` may answer null: nothing to load yet.
export function resource<T>(url: () => string | null): Resource<T> {
  let view = $state.raw<{ data: T | null; error: ApiError | null; loading: boolean }>({
    data: null,
    error: null,
    loading: true,
  });
  let round = $state(0);

  $effect(() => {
    const wanted = url();
    void round;
    if (wanted === null) return;
    const before = (known.get(wanted) as T | undefined) ?? null;
    view = { data: before, error: null, loading: before === null };
    const control = new AbortController();
    get<T>(wanted, control.signal).then(
      (data) => {
        keep(wanted, data);
        view = { data, error: null, loading: false };
      },
      (error: unknown) => {
        if (isAbort(error)) return;
        view = { data: before, error: asApiError(error), loading: false };
      },
    );
    return () => control.abort();
  });

  return {
    get data() {
      return view.data;
    },
    get error() {
      return view.error;
    },
    get loading() {
      return view.loading;
    },
    reload: () => (round += 1),
  };
}
