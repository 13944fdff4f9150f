// The one door to the server: JSON in, JSON out, problems as ApiError. The language of the viewer
// goes with every read, so that an answer is a function of its URL and may be kept by it.

export interface FieldProblem {
  field: string;
  message: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly slug: string,
    readonly detail: string,
    readonly fields: FieldProblem[] = [],
    readonly retryAfterS: number | null = null,
  ) {
    super(detail || slug);
  }
}

export interface Reply<T> {
  data: T;
  etag: string | null;
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export function withQuery(path: string, query: Query): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') params.set(name, String(value));
  }
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

async function problem(response: Response): Promise<ApiError> {
  const retry = Number(response.headers.get('Retry-After'));
  const retryAfterS = Number.isFinite(retry) && retry > 0 ? retry : null;
  try {
    const body = await response.json();
    return new ApiError(
      response.status,
      String(body.slug ?? ''),
      String(body.detail ?? ''),
      Array.isArray(body.errors) ? body.errors : [],
      retryAfterS,
    );
  } catch {
    return new ApiError(response.status, '', '', [], retryAfterS);
  }
}

export interface CallOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  body?: unknown;
  etag?: string | undefined;
  signal?: AbortSignal | undefined;
}

export async function call<T>(path: string, options: CallOptions = {}): Promise<Reply<T>> {
  const headers: Record<string, string> = { Accept: 'application/json' };
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (options.etag) headers['If-Match'] = options.etag;
  let response: Response;
  try {
    response = await fetch(path, {
      method: options.method ?? 'GET',
      headers,
      credentials: 'same-origin',
      signal: options.signal ?? null,
      ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
    });
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'offline', '');
  }
  if (!response.ok) throw await problem(response);
  const empty = response.status === 204 || response.headers.get('Content-Length') === '0';
  const data = empty ? undefined : await response.json();
  return { data: data as T, etag: response.headers.get('ETag') };
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await call<T>(path, { signal })).data;
}

export async function post<T>(path: string, body: unknown = {}, etag?: string): Promise<T> {
  return (await call<T>(path, { method: 'POST', body, etag })).data;
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
