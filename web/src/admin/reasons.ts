// Why a file waits or failed, in the reader's language. The words are locales/reasons.json, held by a
// test against the server's own table (docs/api/reasons.json); a newer server's reason that is not
// among them is shown in its own English.
import { lang } from '../lib/i18n.svelte';
import words from '../locales/reasons.json';

export interface Reason {
  code: string;
  text: string;
  params: Record<string, string>;
  cause?: Reason;
}

const known: Record<string, { en: string; ru: string } | undefined> = words;

export function reasonText(reason: Reason): string {
  const pattern = known[reason.code]?.[lang()];
  if (pattern === undefined) return reason.text;
  return pattern.replace(/\{(\w+)\}/g, (whole, name: string) =>
    name === 'cause' && reason.cause ? reasonText(reason.cause) : (reason.params[name] ?? whole),
  );
}
