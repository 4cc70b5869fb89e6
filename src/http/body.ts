/** Reads the picture out of a request: the body itself, or the file field `image` of a multipart form. Bounded. */

import type { IncomingMessage } from 'node:http';
import busboy from 'busboy';
import { RequestError } from '../errors.js';
import { ByteSink } from './byte-sink.js';
import { reasonOf } from './cut-off.js';

/**
 * @param maxBytes largest picture
 * @throws RequestError too_many_bytes, empty_body, bad_multipart, client_gone, request_timeout
 */
export async function readImage(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const type = request.headers['content-type'] ?? '';
  const image = /^multipart\/form-data\b/i.test(type)
    ? await readForm(request, maxBytes)
    : await readBody(request, maxBytes);
  if (image.length === 0) throw new RequestError('empty_body', 'the body is empty: send the bytes of a picture');
  return image;
}

function tooLarge(maxBytes: number): RequestError {
  return new RequestError('too_many_bytes', `the picture has more than ${maxBytes} bytes`);
}

function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > maxBytes) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
    const sink = new ByteSink(maxBytes, announced);
    const take = (chunk: Buffer) => {
      if (sink.push(chunk)) return;
      request.off('data', take);
      request.pause();
      reject(tooLarge(maxBytes));
    };
    request.on('data', take);
    request.on('end', () => resolve(sink.bytes()));
    request.on('error', () => reject(reasonOf(request)));
    request.on('close', () => {
      if (!request.complete) reject(reasonOf(request));
    });
  });
}

/** Room for the form's own lines around the picture. */
const FORM_BYTES = 64 * 1024;

function readForm(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes + FORM_BYTES) return Promise.reject(tooLarge(maxBytes));
  return new Promise((resolve, reject) => {
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
    let seen = false;
    form.on('file', (name: string | undefined, stream) => {
      // A form that ends inside of the file destroys this stream with an error too; the form's own says it to the caller.
      stream.on('error', () => {});
      if (name !== 'image' || seen) {
        stream.resume();
        bad(
          name === 'image'
            ? 'more than one file field "image"'
            : // A part may have no name at all.
              `the file field is called "image", not "${name?.slice(0, 40) ?? ''}"`,
        );
        return;
      }
      seen = true;
      const sink = new ByteSink(maxBytes + 1);
      stream.on('data', (chunk: Buffer) => sink.push(chunk));
      stream.on('limit', () => reject(tooLarge(maxBytes)));
      stream.on('end', () => {
        image = sink.bytes();
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
    request.pipe(form);
  });
}
