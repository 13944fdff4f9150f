// Where this viewer stopped, kept on this device until accounts arrive: by title and edition,
// newest first, bounded. A film seen to 95 % is finished and forgotten.
import { storeRead, storeWrite } from './storage';
import type { TitleCard } from './types';

const KEPT_MAX = 60;
const SEEN_SHARE = 0.95;
const WORTH_S = 5;

export interface Mark {
  title: string;
  edition: string;
  position_s: number;
  duration_s: number;
  at: number;
  card: TitleCard;
  place?: { series: string; season: number; episode: number };
}

const state = $state<{ marks: Mark[] }>({ marks: storeRead<Mark[]>('progress', []) });
if (!Array.isArray(state.marks)) state.marks = [];

function save(marks: Mark[]): void {
  state.marks = marks.slice(0, KEPT_MAX);
  storeWrite('progress', state.marks);
}

export function progressList(): Mark[] {
  return state.marks;
}

export function progressFind(title: string, edition?: string): Mark | undefined {
  return state.marks.find(
    (mark) => mark.title === title && (edition === undefined || mark.edition === edition),
  );
}

export function progressShare(mark: Mark): number {
  return mark.duration_s > 0 ? Math.min(1, mark.position_s / mark.duration_s) : 0;
}

export function progressRemove(title: string, edition?: string): void {
  const gone = (mark: Mark) =>
    mark.title === title && (edition === undefined || mark.edition === edition);
  save(state.marks.filter((mark) => !gone(mark)));
}

export function progressPut(mark: Mark): void {
  const rest = state.marks.filter(
    (other) => other.title !== mark.title || other.edition !== mark.edition,
  );
  const seen = progressShare(mark) >= SEEN_SHARE;
  const begun = mark.position_s >= WORTH_S;
  save(seen || !begun ? rest : [mark, ...rest]);
}
