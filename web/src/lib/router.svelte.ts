// A router of one page: the address as reactive state, links by delegation, and, per history
// entry, where the page was scrolled and what had the focus, so that "back" is really back.
import { tick } from 'svelte';
import { arrowsUsed } from './spatial';

interface Entry {
  key: string;
}

interface Place {
  scroll: number;
  focus: string | null;
}

const places = new Map<string, Place>();
const now = $state({ path: location.pathname, search: location.search, key: '', back: false });

function newKey(): string {
  return Math.random().toString(36).slice(2);
}

export const route = {
  get path(): string {
    return now.path;
  },
  get query(): URLSearchParams {
    return new URLSearchParams(now.search);
  },
  get key(): string {
    return now.key;
  },
};

function remember(): void {
  const active = document.activeElement;
  const focus = active?.closest('[data-id]')?.getAttribute('data-id') ?? null;
  places.set(now.key, { scroll: window.scrollY, focus });
}

function show(key: string, back: boolean): void {
  now.path = location.pathname;
  now.search = location.search;
  now.key = key;
  now.back = back;
}

export function navigate(to: string, options: { replace?: boolean } = {}): void {
  const url = new URL(to, location.href);
  if (url.href === location.href && !options.replace) return;
  remember();
  const key = options.replace ? now.key : newKey();
  const entry: Entry = { key };
  if (options.replace) history.replaceState(entry, '', url);
  else history.pushState(entry, '', url);
  show(key, false);
}

const SETTLE_MS_MAX = 3000;

// Resolves when nothing inside is a skeleton any more, or when waiting has gone on for too long.
function arrived(main: HTMLElement): Promise<void> {
  const busy = () => main.childElementCount === 0 || main.querySelector('[aria-busy="true"]');
  if (!busy()) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      watcher.disconnect();
      clearTimeout(timer);
      resolve();
    };
    const watcher = new MutationObserver(() => busy() || finish());
    const timer = setTimeout(finish, SETTLE_MS_MAX);
    watcher.observe(main, { childList: true, subtree: true });
  });
}

function isElsewhere(main: HTMLElement): boolean {
  const active = document.activeElement;
  return active !== null && active !== document.body && active !== main;
}

// Called when a page has been put up. It starts at the top with the focus on the page; on "back" it
// returns to its scroll and focus; who walks with arrow keys lands on what the page offers first.
export async function settle(main: HTMLElement): Promise<void> {
  const { key, back } = now;
  const place = back ? places.get(key) : undefined;
  await tick();
  if (!main.contains(document.activeElement)) main.focus({ preventScroll: true });
  if (!place) window.scrollTo({ top: 0, behavior: 'instant' });
  await arrived(main);
  if (now.key !== key || isElsewhere(main)) return;
  if (place) window.scrollTo({ top: place.scroll, behavior: 'instant' });
  const wanted = place?.focus ? `[data-id="${CSS.escape(place.focus)}"]` : '[data-first]';
  if (place?.focus || arrowsUsed()) {
    main.querySelector<HTMLElement>(wanted)?.focus({ preventScroll: true });
  }
}

function ours(event: MouseEvent): HTMLAnchorElement | null {
  if (event.defaultPrevented || event.button !== 0) return null;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return null;
  const link = (event.target as Element).closest('a');
  if (!link || link.target || link.hasAttribute('download') || link.dataset.outside) return null;
  return link.origin === location.origin ? link : null;
}

export function routerStart(): void {
  history.scrollRestoration = 'manual';
  const entry = history.state as Entry | null;
  now.key = entry?.key ?? newKey();
  history.replaceState({ key: now.key }, '');
  addEventListener('popstate', (event) => {
    remember();
    show((event.state as Entry | null)?.key ?? newKey(), true);
  });
  document.addEventListener('click', (event) => {
    const link = ours(event);
    if (!link || link.hash) return;
    event.preventDefault();
    navigate(link.href);
  });
}
