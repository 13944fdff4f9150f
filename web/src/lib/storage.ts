// localStorage that may be full, forbidden or holding something odd: then it is simply empty.

export function storeRead<T>(key: string, fallback: T): T {
  try {
    const text = localStorage.getItem(`kb.${key}`);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

export function storeWrite(key: string, value: unknown): void {
  try {
    localStorage.setItem(`kb.${key}`, JSON.stringify(value));
  } catch {
    // A private window or a full disk costs the memory of this device, nothing else.
  }
}
