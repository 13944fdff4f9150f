// Why a file waits or failed, in the reader's language. The words are locales/reasons.json, held by a
// test against the server's own table (docs/api/reasons.json). What they do not know (what a tool of the
// system said, a newer server's reason) is English: other readers get a sentence, and that beneath it.
import { lang } from '../lib/i18n.svelte';
import words from '../locales/reasons.json';

export interface Reason {
  code: string;
  text: string;
  params: Record<string, string>;
  cause?: Reason;
}

export interface Told {
  text: string;
  details: string[]; // in English
}

const UNKNOWN = 'error';
const known: Record<string, { en: string; ru: string } | undefined> = words;

function sentence(reason: Reason, details: string[]): string {
  const pattern = reason.code === UNKNOWN ? undefined : known[reason.code]?.[lang()];
  if (pattern !== undefined)
    return pattern.replace(/\{(\w+)\}/g, (whole, name: string) =>
      name === 'cause' && reason.cause ? sentence(reason.cause, details) : (reason.params[name] ?? whole),
    );
  if (lang() === 'en') return reason.text;
  details.push(reason.text);
  return words[UNKNOWN][lang()];
}

export function reasonTold(reason: Reason): Told {
  const details: string[] = [];
  return { text: sentence(reason, details), details };
}
