/** Requests that nobody should send: whole ones, as bytes for a socket. */

import { animation, cmykJpeg, drawn, FORMATS, oriented } from '../support/pictures.js';
import { mutated, mutatedText } from './mutate.js';
import type { Random } from './random.js';

export interface FuzzRequest {
  readonly kind: string;
  readonly bytes: Buffer;
}

/** Pictures of every format and of their rarer kinds, drawn by script. */
export async function sources(): Promise<readonly Buffer[]> {
  const plain = [24, 61, 130].flatMap((side) => Object.values(FORMATS).map((draw) => draw(side, side + 7)));
  const scene = () => drawn(90, 70);
  return Promise.all([
    ...plain,
    scene().jpeg({ progressive: true }).toBuffer(),
    scene().greyscale().jpeg().toBuffer(),
    scene().withIccProfile('p3').jpeg().toBuffer(),
    scene()
      .withExif({ IFD0: { Copyright: 'nobody', ImageDescription: 'x'.repeat(500) } })
      .jpeg()
      .toBuffer(),
    scene().png({ progressive: true }).toBuffer(),
    scene().png({ palette: true, colours: 16 }).toBuffer(),
    scene().ensureAlpha(0.5).png().toBuffer(),
    scene().webp({ lossless: true }).toBuffer(),
    scene().ensureAlpha(0.5).webp().toBuffer(),
    scene().avif({ lossless: true, effort: 0 }).toBuffer(),
    scene()
      .tiff({ compression: 'deflate', predictor: 'horizontal', tile: true, tileWidth: 32, tileHeight: 32 })
      .toBuffer(),
    scene().tiff({ compression: 'jpeg', pyramid: true }).toBuffer(),
    scene().tiff({ compression: 'none' }).toBuffer(),
    animation('gif', ['#f00', '#0f0', '#00f']),
    animation('webp', ['#f00', '#0f0', '#00f']),
    cmykJpeg(40, 40),
    oriented(6, 40, 30),
  ]);
}

function post(target: string, body: Buffer, headers: readonly string[] = []): Buffer {
  const head = [
    `POST ${target} HTTP/1.1`,
    'Host: x',
    `Content-Length: ${body.length}`,
    'Connection: close',
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

const QUERY = 'cascade=cifar10&policy=balanced&top=3&deadline_ms=1000&explain=true';
const BOUNDARY = 'frontier';

function form(picture: Buffer): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), picture, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** A request of the Open Inference Protocol. */
function infer(picture: Buffer): string {
  return JSON.stringify({
    id: '1',
    parameters: { policy: 'balanced', deadline_ms: 1000, top: 3 },
    inputs: [
      { name: 'image', shape: [1], datatype: 'BYTES', data: [picture.toString('base64')] },
      { name: 'pixels', shape: [1, 2, 2, 3], datatype: 'UINT8', data: Array.from({ length: 12 }, (_, i) => i) },
    ],
    outputs: [{ name: 'label' }, { name: 'probability', parameters: { binary_data: true } }],
  });
}

/** All that may stand in the addresses and methods of our routes. */
const PATHS = [
  '/v1/classify',
  '/v1/cascades/cifar10',
  '/v1/policies/fast',
  '/v2/models/cifar10',
  '/console/figures',
  '/',
  '/metrics',
  '/readyz',
];
const METHODS = ['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'get', 'BREW'];

const headSafe = (text: string) => text.replaceAll(/[\r\n]/g, ' ');

/** By kind, with its share of all. */
const KINDS: Readonly<
  Record<string, { readonly share: number; make(random: Random, pictures: readonly Buffer[]): Buffer }>
> = {
  picture: {
    share: 0.6,
    make: (random, pictures) =>
      post(
        random.chance(0.5) ? '/v1/classify' : `/v1/classify?${QUERY}`,
        mutated(random.pick(pictures), random, random.pick(pictures)),
      ),
  },
  multipart: {
    share: 0.1,
    make: (random, pictures) => {
      const picture = random.pick(pictures);
      const type = `Content-Type: multipart/form-data; boundary=${BOUNDARY}`;
      const spoilt = random.chance(0.3) ? headSafe(mutatedText(type, random)) : type;
      const body = random.chance(0.5)
        ? mutated(form(picture), random, form(random.pick(pictures)))
        : form(mutated(picture, random, picture));
      return post('/v1/classify', body, [spoilt]);
    },
  },
  json: {
    share: 0.1,
    make: (random, pictures) => {
      const body = Buffer.from(mutatedText(infer(random.pick(pictures).subarray(0, 2000)), random));
      const binary = random.chance(0.3) ? [`Inference-Header-Content-Length: ${random.below(2 * body.length)}`] : [];
      return post('/v2/models/cifar10/infer', body, ['Content-Type: application/json', ...binary]);
    },
  },
  query: {
    share: 0.1,
    make: (random, pictures) => {
      const target = encodeURI(
        Buffer.from(mutatedText(`${random.pick(PATHS)}?${QUERY}`, random)).toString(),
      ).replaceAll(/%25/g, '%');
      return post(target.slice(0, 4000), random.pick(pictures));
    },
  },
  head: {
    share: 0.1,
    make: (random, pictures) => {
      const path = random.pick(PATHS);
      const head = post(path, Buffer.alloc(0), [
        'Authorization: Bearer x',
        'X-API-Key: y',
        'traceparent: 00-1-2-01',
        'Accept: text/html',
      ]);
      const text = head.toString('latin1').replace('POST', random.pick(METHODS));
      const spoilt = random.chance(0.5)
        ? Buffer.from(mutatedText(text, random))
        : mutated(Buffer.from(text, 'latin1'), random, head);
      return Buffer.concat([spoilt, random.pick(pictures).subarray(0, 200)]);
    },
  },
};

export function fuzzRequest(random: Random, pictures: readonly Buffer[]): FuzzRequest {
  let at = random.next();
  for (const [kind, { share, make }] of Object.entries(KINDS)) {
    if (at < share) return { kind, bytes: make(random, pictures) };
    at -= share;
  }
  return { kind: 'picture', bytes: KINDS.picture!.make(random, pictures) };
}
