// What the lock screen and the keyboard's media keys see.
import type { Title } from '../lib/types';
import type { Engine } from './engine.svelte';
import { JUMP_S } from './keys';

export function mediaSession(film: Title, engine: Engine, onnext: (() => void) | null): () => void {
  const session = navigator.mediaSession;
  if (!session) return () => {};
  session.metadata = new MediaMetadata({
    title: film.title,
    artist: film.people.find((one) => one.role === 'director')?.name ?? '',
    artwork: film.poster ? [{ src: new URL(film.poster, location.href).href }] : [],
  });
  const handlers: [MediaSessionAction, MediaSessionActionHandler | null][] = [
    ['play', () => void engine.play()],
    ['pause', () => engine.video.pause()],
    ['seekbackward', (details) => engine.seekBy(-(details.seekOffset ?? JUMP_S))],
    ['seekforward', (details) => engine.seekBy(details.seekOffset ?? JUMP_S)],
    ['seekto', (details) => engine.seek(details.seekTime ?? 0)],
    ['nexttrack', onnext],
  ];
  for (const [action, handler] of handlers) {
    try {
      session.setActionHandler(action, handler);
    } catch {
      // This browser does not know the action.
    }
  }
  return () => {
    session.metadata = null;
    for (const [action] of handlers) {
      try {
        session.setActionHandler(action, null);
      } catch {
        // Nor this one.
      }
    }
  };
}
