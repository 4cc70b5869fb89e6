/** Reads the body of an inference request, unpacked where it was sent gzip or deflate. Bounded on both sides. */

import type { IncomingMessage } from 'node:http';
import { createGunzip, createInflate } from 'node:zlib';
import { RequestError } from '../../errors.js';
import { collect } from '../body.js';
import type { Uploads } from '../uploads.js';
import { wrong } from './binary.js';

/** As Triton's client packs them: `deflate` is zlib's format (RFC 9110, 8.4.1.2). */
const UNPACK = { gzip: createGunzip, deflate: createInflate } as const;

/**
 * @param uploads its limit is of the body, packed and unpacked
 * @throws RequestError too_many_bytes, empty_body, unsupported_format, bad_inference_request, client_gone, request_timeout, overloaded
 */
export async function readInferenceBody(request: IncomingMessage, uploads: Uploads): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const isPacked = encoding === 'gzip' || encoding === 'deflate';
  if (!isPacked && encoding !== 'identity') {
    throw new RequestError('unsupported_format', 'Content-Encoding may be gzip, deflate or identity');
  }
  const tooMany = new RequestError('too_many_bytes', `the request has more than ${uploads.maxBytes} bytes`);
  const body = await (isPacked
    ? unpacked(request, UNPACK[encoding](), uploads, tooMany)
    : collect(request, request, uploads, tooMany));
  if (body.length === 0) throw new RequestError('empty_body', 'the body is empty: send an inference request');
  return body;
}

async function unpacked(
  request: IncomingMessage,
  unpack: ReturnType<typeof createGunzip>,
  uploads: Uploads,
  tooMany: RequestError,
) {
  try {
    const broken = wrong('the body is not packed as Content-Encoding says');
    return await collect(request, request.pipe(unpack), uploads, tooMany, broken);
  } finally {
    request.unpipe(unpack);
    unpack.destroy();
  }
}
