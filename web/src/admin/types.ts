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
