// Arrow keys move the focus the way the eye would, so that a remote control is enough. Geometry
// only: among what can take the focus and lies in that direction, the nearest, where being off the
// axis costs more than being far. A scope (menu, dialog) keeps the focus inside itself.

type Direction = 'left' | 'right' | 'up' | 'down';

const KEYS: Record<string, Direction> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};
const FOCUSABLE = 'a[href],button:not(:disabled),input:not(:disabled),select:not(:disabled),textarea';
const OFF_AXIS_COST = 3;
const SLACK_PX = 4;

function isVisible(element: HTMLElement): boolean {
  return element.checkVisibility({ visibilityProperty: true }) && element.tabIndex >= 0;
}

// What a sideways scroller hides cannot be reached from above or below, only along its row.
function isHiddenInRow(element: HTMLElement, rect: DOMRect, from: HTMLElement): boolean {
  const row = element.closest<HTMLElement>('[data-row]');
  if (!row || row.contains(from)) return false;
  const box = row.getBoundingClientRect();
  const middle = (rect.left + rect.right) / 2;
  return middle < box.left || middle > box.right;
}

interface Gap {
  along: number;
  across: number;
}

function gapBetween(from: DOMRect, to: DOMRect, direction: Direction): Gap {
  const beside = Math.max(0, to.left - from.right, from.left - to.right);
  const aside = Math.max(0, to.top - from.bottom, from.top - to.bottom);
  switch (direction) {
    case 'left':
      return { along: from.left - to.right, across: aside };
    case 'right':
      return { along: to.left - from.right, across: aside };
    case 'up':
      return { along: from.top - to.bottom, across: beside };
    case 'down':
      return { along: to.top - from.bottom, across: beside };
  }
}

function centreOffset(from: DOMRect, to: DOMRect, direction: Direction): number {
  const vertical = direction === 'up' || direction === 'down';
  return vertical
    ? Math.abs(from.left + from.right - to.left - to.right) / 2
    : Math.abs(from.top + from.bottom - to.top - to.bottom) / 2;
}

export function spatialFind(from: HTMLElement, direction: Direction): HTMLElement | null {
  const scope = from.closest<HTMLElement>('[data-scope]') ?? document.body;
  const origin = from.getBoundingClientRect();
  const sideways = direction === 'left' || direction === 'right';
  const row = sideways ? from.closest('[data-row]') : null;
  let best: HTMLElement | null = null;
  let bestCost = Infinity;
  for (const element of scope.querySelectorAll<HTMLElement>(FOCUSABLE)) {
    if (element === from || (row && !row.contains(element)) || !isVisible(element)) continue;
    const rect = element.getBoundingClientRect();
    if (rect.width === 0 || isHiddenInRow(element, rect, from)) continue;
    const { along, across } = gapBetween(origin, rect, direction);
    if (along < -SLACK_PX || (sideways && across > 0)) continue;
    const offset = centreOffset(origin, rect, direction);
    const cost = Math.max(0, along) + across * OFF_AXIS_COST + offset * 0.1;
    if (cost < bestCost) [best, bestCost] = [element, cost];
  }
  return best;
}

let walking = false;

// Whether the viewer moves by arrows just now, and not by pointer or Tab.
export function arrowsUsed(): boolean {
  return walking;
}

function inView(element: HTMLElement): boolean {
  const rect = element.getBoundingClientRect();
  return isVisible(element) && rect.bottom > 0 && rect.top < innerHeight;
}

function firstInView(): HTMLElement | null {
  const scope =
    document.querySelector<HTMLElement>('[data-scope]') ?? document.querySelector('main');
  const offered = scope?.querySelector<HTMLElement>('[data-first]');
  if (offered && inView(offered)) return offered;
  for (const element of scope?.querySelectorAll<HTMLElement>(FOCUSABLE) ?? []) {
    if (inView(element)) return element;
  }
  return null;
}

// Text fields, selects and sliders keep the arrows they need for themselves.
function keepsArrow(element: HTMLElement, direction: Direction): boolean {
  const sideways = direction === 'left' || direction === 'right';
  if (element instanceof HTMLTextAreaElement) return true;
  if (element instanceof HTMLSelectElement) return !sideways;
  if (!(element instanceof HTMLInputElement)) return element.isContentEditable;
  if (['checkbox', 'radio', 'button', 'submit'].includes(element.type)) return false;
  if (!sideways) return ['number', 'datetime-local'].includes(element.type);
  if (element.type === 'range') return true;
  const { selectionStart: start, selectionEnd: end, value } = element;
  if (start === null) return true;
  return start !== end || (direction === 'left' ? start > 0 : start < value.length);
}

function isFar(to: HTMLElement): boolean {
  const rect = to.getBoundingClientRect();
  return rect.top > innerHeight * 1.6 || rect.bottom < -innerHeight * 0.6;
}

function onKey(event: KeyboardEvent): void {
  const direction = KEYS[event.key];
  if (event.key === 'Tab') walking = false;
  if (direction) walking = true;
  if (!direction || event.defaultPrevented) return;
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const active = document.activeElement as HTMLElement | null;
  const nowhere = !active || active === document.body || active.tagName === 'MAIN';
  if (!nowhere && keepsArrow(active, direction)) return;
  const next = nowhere ? firstInView() : spatialFind(active, direction);
  if (!next || isFar(next)) return;
  event.preventDefault();
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: 'nearest', inline: 'nearest' });
}

export function spatialStart(): void {
  document.addEventListener('keydown', onKey);
  document.addEventListener('pointerdown', () => (walking = false));
}
