// Whether this browser is signed in; any answer of 401 ends it.
import { type ApiError, call, get, post } from '../lib/api';
import { asApiError } from '../lib/resource.svelte';

const state = $state<{ admin: boolean | null; error: ApiError | null }>({
  admin: null,
  error: null,
});

export const session = {
  get admin(): boolean | null {
    return state.admin;
  },
  get error(): ApiError | null {
    return state.error;
  },
};

export async function sessionAsk(): Promise<void> {
  state.error = null;
  try {
    state.admin = (await get<{ admin: boolean }>('/v1/session')).admin;
  } catch (reason) {
    state.error = asApiError(reason);
  }
}

export async function signIn(key: string): Promise<void> {
  await post('/v1/session', { key });
  state.admin = true;
}

export async function signOut(): Promise<void> {
  await call('/v1/session', { method: 'DELETE' });
  state.admin = false;
}

// Every failure of the admin passes here on its way to the page.
export function failureOf(reason: unknown): ApiError {
  const error = asApiError(reason);
  if (error.status === 401) state.admin = false;
  return error;
}
