// Errors in the viewer's language: by the slug of the problem, else by its status.
import type { ApiError } from './api';
import { t, tMaybe } from './i18n.svelte';

export function problemText(error: ApiError): string {
  if (error.status === 0) return t('error.offline');
  const bySlug = error.slug ? tMaybe(`problem.${error.slug}`) : undefined;
  return bySlug ?? tMaybe(`problem.${error.status}`) ?? t('error.unexpected');
}
