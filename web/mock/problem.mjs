// A failure that is told to the client as an RFC 9457 problem.
export class Problem extends Error {
  constructor(status, slug, detail, extra = {}) {
    super(detail);
    Object.assign(this, { status, slug, extra });
  }
}
