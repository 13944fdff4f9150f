// Which page an address means. Player and admin come as their own chunks.
import type { Component } from 'svelte';

export interface PageProps {
  id: string;
}

type Loader = () => Promise<Component<PageProps>>;

export interface Match {
  name: string;
  id: string;
  load: Loader;
  bare: boolean;
}

interface Route {
  name: string;
  pattern: RegExp;
  load: Loader;
  bare?: boolean;
}

// A page takes what it needs of PageProps, some nothing.
const page =
  (load: () => Promise<{ default: unknown }>): Loader =>
  async () =>
    (await load()).default as Component<PageProps>;

const home: Loader = page(() => import('./viewer/HomePage.svelte'));
const browse: Loader = page(() => import('./viewer/BrowsePage.svelte'));
const missing: Loader = page(() => import('./viewer/MissingPage.svelte'));

const ROUTES: Route[] = [
  { name: 'home', pattern: /^\/$/, load: home },
  { name: 'films', pattern: /^\/(films)$/, load: browse },
  { name: 'series', pattern: /^\/(series)$/, load: browse },
  { name: 'search', pattern: /^\/search$/, load: page(() => import('./viewer/SearchPage.svelte')) },
  { name: 'title', pattern: /^\/title\/(\d+)$/, load: page(() => import('./viewer/TitlePage.svelte')) },
  { name: 'person', pattern: /^\/person\/(\d+)$/, load: page(() => import('./viewer/PersonPage.svelte')) },
  {
    name: 'collection',
    pattern: /^\/collection\/(\d+)$/,
    load: page(() => import('./viewer/CollectionPage.svelte')),
  },
  {
    name: 'watch',
    pattern: /^\/watch\/(\d+)$/,
    load: page(() => import('./player/WatchPage.svelte')),
    bare: true,
  },
  {
    name: 'admin',
    pattern: /^\/admin(?:\/(.*))?$/,
    load: page(() => import('./admin/AdminPage.svelte')),
    bare: true,
  },
];

export function match(path: string): Match {
  const clean = path.length > 1 ? path.replace(/\/+$/, '') : path;
  for (const { name, pattern, load, bare } of ROUTES) {
    const found = pattern.exec(clean);
    if (found) return { name, id: found[1] ?? '', load, bare: bare ?? false };
  }
  return { name: 'missing', id: '', load: missing, bare: false };
}
