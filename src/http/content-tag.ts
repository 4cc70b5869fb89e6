import { createHash } from 'node:crypto';

/** A short text that is another one for other content. */
export function contentTag(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('base64url').slice(0, 22);
}
