// What the keyboard does in the player. Letters are taken by their place on the board, so that they
// work in a Russian layout too.
import type { Engine } from './engine.svelte';

export const JUMP_S = 10;
const VOLUME_STEP = 0.1;

export interface PlayerActions {
  engine: Engine;
  fullscreen(): void;
  help(): void;
  back(): void;
  next: (() => void) | null;
}

type Action = (actions: PlayerActions) => void;

const BY_CODE: Record<string, Action> = {
  KeyK: ({ engine }) => engine.toggle(),
  KeyJ: ({ engine }) => engine.seekBy(-JUMP_S),
  KeyL: ({ engine }) => engine.seekBy(JUMP_S),
  KeyM: ({ engine }) => engine.toggleMuted(),
  KeyC: ({ engine }) => engine.toggleText(),
  KeyF: ({ fullscreen }) => fullscreen(),
  KeyN: ({ next }) => next?.(),
  Minus: ({ engine }) => engine.setVolume(engine.volume - VOLUME_STEP),
  NumpadSubtract: ({ engine }) => engine.setVolume(engine.volume - VOLUME_STEP),
  NumpadAdd: ({ engine }) => engine.setVolume(engine.volume + VOLUME_STEP),
  Equal: ({ engine }) => engine.setVolume(engine.volume + VOLUME_STEP),
};

const BY_KEY: Record<string, Action> = {
  '?': ({ help }) => help(),
  ',': ({ engine }) => engine.paused && engine.seekBy(-1 / 25),
  '.': ({ engine }) => engine.paused && engine.seekBy(1 / 25),
  MediaPlayPause: ({ engine }) => engine.toggle(),
  MediaPlay: ({ engine }) => void engine.play(),
  MediaPause: ({ engine }) => engine.video.pause(),
  MediaTrackNext: ({ next }) => next?.(),
  MediaFastForward: ({ engine }) => engine.seekBy(JUMP_S),
  MediaRewind: ({ engine }) => engine.seekBy(-JUMP_S),
  Home: ({ engine }) => engine.seek(0),
  End: ({ engine }) => engine.seek(engine.duration),
  GoBack: ({ back }) => back(),
  BrowserBack: ({ back }) => back(),
};

function digit(event: KeyboardEvent): number | null {
  const match = /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  return match && !event.shiftKey ? Number(match[1]) : null;
}

// True when the key was the player's.
export function playerKey(event: KeyboardEvent, actions: PlayerActions): boolean {
  if (event.altKey || event.ctrlKey || event.metaKey) return false;
  const tenth = digit(event);
  if (tenth !== null) {
    actions.engine.seek((actions.engine.duration * tenth) / 10);
    return true;
  }
  const action = BY_KEY[event.key] ?? (event.shiftKey ? undefined : BY_CODE[event.code]);
  action?.(actions);
  return action !== undefined;
}
