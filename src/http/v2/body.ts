/** Reads the body of an inference request, unpacked where it was sent gzip or deflate. Bounded on both sides. */

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import { RequestError } from '../../errors.js';
import { ByteSink } from '../byte-sink.js';
import { wrong } from './binary.js';

/** As Triton's client packs them: `deflate` is zlib's format (RFC 9110, 8.4.1.2). */
const UNPACK = { gzip: createGunzip, deflate: createInflate } as const;

/**
 * @param maxBytes of the body, packed and unpacked
 * @throws RequestError too_many_bytes, empty_body, unsupported_format, bad_inference_request, client_gone
 */
export async function readInferenceBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const encoding = (request.headers['content-encoding'] ?? 'identity').trim().toLowerCase();
  const isPacked = encoding === 'gzip' || encoding === 'deflate';
  if (!isPacked && encoding !== 'identity') {
    throw new RequestError('unsupported_format', 'Content-Encoding may be gzip, deflate or identity');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const body = await (isPacked
    ? unpacked(request, UNPACK[encoding](), maxBytes)
    : collected(request, request, maxBytes));
  if (body.length === 0) throw new RequestError('empty_body', 'the body is empty: send an inference request');
  return body;
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError('too_many_bytes', `the request has more than ${maxBytes} bytes`);
}

async function unpacked(request: IncomingMessage, unpack: ReturnType<typeof createGunzip>, maxBytes: number) {
  try {
    return await collected(request, request.pipe(unpack), maxBytes);
  } finally {
    request.unpipe(unpack);
    unpack.destroy();
  }
}

/** @param from the request itself, or what unpacks it */
function collected(request: IncomingMessage, from: Readable, maxBytes: number): Promise<Buffer> {
  const sink = new ByteSink(maxBytes);
  return new Promise((resolve, reject) => {
    const gone = () => reject(new RequestError('client_gone', 'the caller left before the whole request was sent'));
    from.on('data', (piece: Buffer) => {
      if (sink.push(piece)) return;
      from.removeAllListeners('data');
      from.pause();
      reject(tooLarge(maxBytes));
    });
    from.on('end', () => resolve(sink.bytes()));
    from.on('error', () =>
      from === request ? gone() : reject(wrong('the body is not packed as Content-Encoding says')),
    );
    if (from !== request) request.on('error', gone);
    request.on('close', () => {
      if (!request.complete) gone();
    });
  });
}
