// The wire types only the admin reads.
import type { Kind, Status } from '../lib/types';
import type { Reason } from './reasons';

export interface EditText {
  title: string;
  synopsis: string;
  tagline: string;
}

export interface EditField {
  source: string;
  licence: string;
  locked: boolean;
  updated_at: string;
}

export interface TitleEdit {
  id: string;
  kind: Kind;
  status: Status;
  version: number;
  texts: Record<string, Partial<EditText>>;
  original_title: string;
  original_language: string;
  age_rating: string | null;
  year: number | null;
  runtime_min: number | null;
  genres: string[];
  countries: string[];
  languages: string[];
  available_from: string | null;
  available_to: string | null;
  fields: Record<string, EditField>;
}

export interface ImportFile {
  path: string;
  state: string;
  progress: number;
  reasons: Reason[];
  title_id: string | null;
}

export interface Import {
  id: string;
  paths: string[];
  state: string;
  reasons: Reason[];
  created_at: string;
  finished_at: string | null;
  files_total: number;
  files_done: number;
  files_failed: number;
  files: Record<'waiting' | 'running' | 'done' | 'failed' | 'skipped' | 'review', number>;
  progress: number;
  now: ImportFile[];
}

export interface Job {
  id: string;
  kind: string;
  state: string;
  subject: string;
  message: string;
  reasons: Reason[];
  attempts: number;
  attempts_max: number;
  progress: number;
  created_at: string;
  updated_at: string;
}

export interface Candidate {
  title_id: string;
  title: string;
  year: number | null;
  score: number;
}

export interface Review {
  id: string;
  path: string;
  reasons: Reason[];
  guess: { title: string; year: number | null };
  candidates: Candidate[];
  created_at: string;
}

export interface Health {
  version: string;
  build_id: string;
  started_at: string;
  now: string;
  titles: number;
  films: number;
  jobs_queued: number;
  jobs_running: number;
  disk_free_bytes: number;
  disk_total_bytes: number;
  memory_bytes: number;
  checks: { name: string; ok: boolean; required: boolean; detail: string }[];
}

// A saga: work in several steps.
export interface Saga {
  id: string;
  kind: string;
  subject: string;
  state: string;
  step: string;
  undoing: boolean;
  job: string | null;
  slug: string | null;
  reason: string | null;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
}

export interface SagaPage {
  saga: Saga;
  steps: { name: string; state: string; deadline_at: string | null }[];
  timeline: { at: string; what: string; step: string; attempt: number; slug: string; reason: string }[];
}

export interface Schedule {
  id: string;
  name: string;
  kind: string;
  cron: string;
  zone: string;
  every_s: number;
  job_kind: string;
  subject: string;
  paused: boolean;
  next_at: string | null;
  last_at: string | null;
  last_job: string | null;
  fired: number;
  passed_over: number;
  problem: string | null;
}
