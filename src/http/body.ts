/** Reads the picture out of a request: the body itself, or the file field `image` of a multipart form. Bounded. */

import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import busboy from 'busboy';
import { RequestError } from '../errors.js';
import { cutOff, reasonOf } from './cut-off.js';
import { askForBody } from './expect.js';
import type { Upload, Uploads } from './uploads.js';

/** @throws RequestError too_many_bytes, empty_body, bad_multipart, client_gone, request_timeout, overloaded */
export async function readImage(request: IncomingMessage, uploads: Uploads): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  const image = /^multipart\/form-data\b/i.test(type)
    ? await readForm(request, uploads)
    : await collect(request, request, uploads, tooLarge(uploads));
  if (image.length === 0) throw new RequestError('empty_body', 'the body is empty: send the bytes of a picture');
  return image;
}

function tooLarge({ maxBytes }: Uploads): RequestError {
  return new RequestError('too_many_bytes', `the picture has more than ${maxBytes} bytes`);
}

/**
 * All that a body holds.
 * @param from the request itself, or what unpacks it
 * @param broken said where that fails
 * @throws RequestError `tooMany`, `broken`, client_gone, request_timeout, overloaded
 */
export function collect(
  request: IncomingMessage,
  from: Readable,
  uploads: Uploads,
  tooMany: RequestError,
  broken?: RequestError,
): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > uploads.maxBytes) return Promise.reject(tooMany);
  return new Promise((resolve, reject) => {
    const refuse = (reason: RequestError) => {
      from.off('data', take);
      from.pause();
      upload[Symbol.dispose]();
      reject(reason);
    };
    const upload = uploads.begin(refuse, from === request ? announced : 0);
    const take = (chunk: Buffer) => {
      if (!upload.push(chunk)) refuse(tooMany);
    };
    const gone = () => refuse(reasonOf(request));
    askForBody(request);
    refuseCrumbs(request);
    from.on('data', take);
    from.on('end', () => {
      resolve(upload.bytes());
      upload[Symbol.dispose]();
    });
    from.on('error', () => (broken === undefined ? gone() : refuse(broken)));
    if (from !== request) request.on('error', gone);
    request.on('close', () => {
      if (!request.complete) gone();
    });
  });
}

/** Pieces that may be of any size: small pictures, and the ends of what a caller wrote at a time. */
const FREE_PIECES = 1000;
/** Bytes of a piece, on average. */
const LEAST_PIECE = 64;

/** Each chunk of a body is a call of its own, whatever is in it: 60 KB of chunks of one byte would keep the gateway as long as 20 MB do. */
function refuseCrumbs(request: IncomingMessage): void {
  let pieces = 0;
  let bytes = 0;
  const count = (piece: Buffer) => {
    bytes += piece.length;
    if (++pieces <= FREE_PIECES || bytes >= LEAST_PIECE * pieces) return;
    request.off('data', count);
    cutOff(request, new RequestError('bad_request', `the body comes in pieces of less than ${LEAST_PIECE} bytes`));
    // Whoever reads is told by its end; to answer would mean to take what still comes.
    request.socket.destroy();
  };
  request.on('data', count);
}

/** Room for the form's own lines around the picture. */
const FORM_BYTES = 64 * 1024;

async function readForm(request: IncomingMessage, uploads: Uploads): Promise<Buffer> {
  const { maxBytes } = uploads;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + FORM_BYTES) throw tooLarge(uploads);
  let upload: Upload | undefined;
  try {
    return await new Promise((resolve, reject) => {
      const bad = (reason: string) => reject(new RequestError('bad_multipart', reason));
      let form: busboy.Busboy;
      try {
        form = busboy({
          headers: request.headers,
          // busboy calls a file of exactly `fileSize` bytes too long.
          limits: { fileSize: maxBytes + 1, files: 2, fields: 16, parts: 16, fieldSize: FORM_BYTES },
        });
      } catch {
        bad('the multipart header cannot be read: is the boundary missing?');
        return;
      }
      let image: Buffer | undefined;
      form.on('file', (name: string | undefined, stream) => {
        // A form that ends inside of the file destroys this stream with an error too; the form's own says it to the caller.
        stream.on('error', () => {});
        if (name !== 'image' || upload !== undefined) {
          stream.resume();
          bad(
            name === 'image'
              ? 'more than one file field "image"'
              : // A part may have no name at all.
                `the file field is called "image", not "${name?.slice(0, 40) ?? ''}"`,
          );
          return;
        }
        const taken = uploads.begin(reject, 0, maxBytes + 1);
        upload = taken;
        stream.on('data', (chunk: Buffer) => taken.push(chunk));
        stream.on('limit', () => reject(tooLarge(uploads)));
        stream.on('end', () => {
          image = taken.bytes();
        });
      });
      form.on('close', () => {
        if (image === undefined) bad('no file field "image" in the form');
        else resolve(image);
      });
      form.on('error', () => bad('the multipart body is broken or incomplete'));
      request.on('close', () => {
        if (!request.complete) reject(reasonOf(request));
      });
      askForBody(request);
      refuseCrumbs(request);
      request.pipe(form);
    });
  } finally {
    upload?.[Symbol.dispose]();
  }
}
