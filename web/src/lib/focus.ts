// Svelte actions for what opens above the page.

const FOCUSABLE = 'a[href],button:not(:disabled),input:not(:disabled),select:not(:disabled)';

// Takes the focus wherever it was: what has just come up is what the next key is for. (The attribute
// autofocus gives way to whoever has the focus already.)
export function grab(node: HTMLElement, wanted = true) {
  if (wanted) node.focus({ preventScroll: true });
}

// Keeps Tab inside, closes on Escape, gives the focus back to where it came from.
export function trap(node: HTMLElement, onclose: () => void) {
  const before = document.activeElement as HTMLElement | null;
  const inside = () => [...node.querySelectorAll<HTMLElement>(FOCUSABLE)];
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      onclose();
    }
    if (event.key !== 'Tab') return;
    const all = inside();
    const edge = event.shiftKey ? all[0] : all[all.length - 1];
    if (document.activeElement !== edge) return;
    event.preventDefault();
    (event.shiftKey ? all[all.length - 1] : all[0])?.focus();
  };
  node.addEventListener('keydown', onKey);
  const wanted = node.querySelector<HTMLElement>('[aria-checked="true"],[data-first]');
  (wanted ?? inside()[0])?.focus({ preventScroll: true });
  return {
    destroy() {
      node.removeEventListener('keydown', onKey);
      if (before?.isConnected) before.focus({ preventScroll: true });
    },
  };
}
