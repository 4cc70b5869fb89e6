import { createHash } from 'node:crypto';
import { createServer, type RequestListener } from 'node:http';
import { Readable } from 'node:stream';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { answerOf, ask, expectProblem, post, type Query } from '../support/contract.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { claimingPng, drawn, FORMATS, jpeg } from '../support/pictures.js';

const MAX_PIXELS = 1_500_000;

let served: TestGateway;
let app: RequestListener;
beforeAll(async () => {
  served = await startGateway({ lanes: 1, queue: 1, maxPixels: MAX_PIXELS });
  app = served.app;
});
afterAll(() => served.gateway.close());

const hash = (key: string) => createHash('sha256').update(key).digest('hex');
/** The same gateway behind other limits. */
const limited = (maxBytes: number) => createApp({ ...served.deps, maxBytes });
const guarded = (keys: readonly string[], ratePerSecond = 0) =>
  createApp({ ...served.deps, auth: new Auth({ keyHashes: keys.map(hash), ratePerSecond }) });
const half = (image: Buffer) => image.subarray(0, image.length / 2);

describe('a wrong query is 400 bad_query and names the parameter', () => {
  it.each<[string, Query]>([
    ['colour', { colour: 'red' }],
    ['__proto__', JSON.parse('{"__proto__":"x"}')],
    ['top', { top: 0 }],
    ['top', { top: 1001 }],
    ['top', { top: 1.5 }],
    ['top', { top: 'five' }],
    ['top', { top: '' }],
    ['top', { top: ['1', '2'] }],
    ['deadline_ms', { deadline_ms: 0 }],
    ['deadline_ms', { deadline_ms: -5 }],
    ['deadline_ms', { deadline_ms: 600_001 }],
    ['deadline_ms', { deadline_ms: 'soon' }],
    ['explain', { explain: 'yes' }],
    ['explain', { explain: '' }],
  ])('%s, as in %j', async (parameter, query) => {
    const search = new URLSearchParams(
      Object.entries(query).flatMap(([key, value]) =>
        [value].flat().map((each) => [key, String(each)] as [string, string]),
      ),
    );
    const response = await request(app).post(`/v1/classify?${search}`).send('x');
    expect(expectProblem(response, 400, 'bad_query')).toContain(`"${parameter}"`);
  });

  it('also where the address itself cannot be decoded', async () => {
    expectProblem(await request(app).get('/v1/cascades/%E0%A4%A'), 400, 'bad_query');
  });
});

describe('a body without a picture is 400', () => {
  const form = (body: string, type = 'multipart/form-data; boundary=B') =>
    request(app).post('/v1/classify').set('Content-Type', type).send(body.replaceAll('\n', '\r\n'));
  const file = (name: string) =>
    `--B\nContent-Disposition: form-data; name="${name}"; filename="a.jpg"\nContent-Type: image/jpeg\n\n`;

  it('empty_body when it is empty', async () => {
    expectProblem(await request(app).post('/v1/classify'), 400, 'empty_body');
    expectProblem(await post(app, Buffer.alloc(0)), 400, 'empty_body');
  });

  it('empty_body when the file of the form is empty', async () => {
    expectProblem(await form(`${file('image')}\n--B--\n`), 400, 'empty_body');
  });

  it.each([
    ['has no boundary', 'anything', 'multipart/form-data'],
    ['has no fields', '--B--\n'],
    ['ends in the middle of the file', `${file('image')}half of a picture`],
    ['ends in the middle of a header', '--B\nContent-Dispo'],
    ['is no form at all', 'anything'],
    ['has the picture in a field of another name', `${file('picture')}x\n--B--\n`],
    ['has the picture as text', '--B\nContent-Disposition: form-data; name="image"\n\nx\n--B--\n'],
    ['has a file without a name', '--B\nContent-Disposition: form-data; filename="a.jpg"\n\nx\n--B--\n'],
    ['has two pictures', `${file('image')}x\n${file('image')}y\n--B--\n`],
  ])('bad_multipart when the form %s', async (_, body, type?: string) => {
    expectProblem(await form(body, type), 400, 'bad_multipart');
  });
});

describe('an address that names nothing is 404', () => {
  it('unknown_cascade and unknown_policy, with the names that there are', async () => {
    const image = await jpeg();
    expect(expectProblem(await post(app, image, { cascade: 'dogs' }), 404, 'unknown_cascade')).toContain('cifar10');
    expect(expectProblem(await post(app, image, { policy: 'wild' }), 404, 'unknown_policy')).toContain('balanced');
    expectProblem(await post(app, image, { cascade: 'constructor' }), 404, 'unknown_cascade');
    expectProblem(await request(app).get('/v1/cascades/dogs'), 404, 'unknown_cascade');
    expectProblem(await request(app).get('/v1/policies/wild'), 404, 'unknown_policy');
  });

  it('not_found elsewhere', async () => {
    for (const path of ['/nothing', '/v1/nothing', '/v1', '/v1/classify/more']) {
      expectProblem(await request(app).get(path), 404, 'not_found');
    }
  });
});

describe('another method is 405', () => {
  it.each(['get', 'put', 'patch', 'delete'] as const)('%s', async (method) => {
    const response = await request(app)[method]('/v1/classify');
    expectProblem(response, 405, 'method_not_allowed');
    expect(response.headers.allow).toBe('POST');
  });
});

describe('a picture that is too large is 413', () => {
  /** Sent in pieces, without a Content-Length. */
  const streamed = async (to: RequestListener, image: Buffer) => {
    const server = createServer(to).listen(0);
    try {
      const { port } = server.address() as { port: number };
      const pieces = Array.from({ length: 10 }, (_, i) =>
        image.subarray((i * image.length) / 10, ((i + 1) * image.length) / 10),
      );
      const response = await fetch(`http://localhost:${port}/v1/classify`, {
        method: 'POST',
        body: Readable.toWeb(Readable.from(pieces)) as ReadableStream,
        duplex: 'half',
      } as RequestInit);
      const headers = Object.fromEntries(response.headers);
      return { status: response.status, headers, body: await response.json() } as unknown as request.Response;
    } finally {
      server.close();
      server.closeAllConnections();
    }
  };
  const asForm = (to: RequestListener, image: Buffer) =>
    request(to).post('/v1/classify').attach('image', image, 'a.jpg');

  it('too_many_bytes by its Content-Length, by its chunks, and in a form', async () => {
    const image = await jpeg(64, 64);
    const small = limited(image.length - 1);
    const detail = expectProblem(await post(small, image), 413, 'too_many_bytes');
    expect(detail).toContain(String(image.length - 1));
    expectProblem(await streamed(small, image), 413, 'too_many_bytes');
    expectProblem(await asForm(small, image), 413, 'too_many_bytes');
  });

  it('but is answered with exactly as many bytes as are allowed', async () => {
    const image = await jpeg(64, 64);
    const exact = limited(image.length);
    answerOf(await post(exact, image));
    answerOf(await streamed(exact, image));
    answerOf(await asForm(exact, image));
  });

  it('too_many_bytes although megabytes are still on their way', async () => {
    expectProblem(await streamed(limited(1000), Buffer.alloc(5_000_000)), 413, 'too_many_bytes');
    expectProblem(await post(limited(1000), Buffer.alloc(5_000_000)), 413, 'too_many_bytes');
  });

  it('too_many_pixels, from what its header says', async () => {
    const image = await claimingPng(30_000, 30_000);
    expect(expectProblem(await post(app, image), 413, 'too_many_pixels')).toContain(String(MAX_PIXELS));
    expectProblem(await post(app, await jpeg(1500, 1001)), 413, 'too_many_pixels');
    await ask(app, await jpeg(1500, 1000));
  });
});

describe('what is no picture of a known format is 415', () => {
  it.each([
    ['text', 'just words', 'text/plain'],
    ['text that says it is a JPEG', 'just words', 'image/jpeg'],
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 'image/svg+xml'],
    ['SVG with an XML header', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 'image/png'],
    ['PDF', '%PDF-1.7\n1 0 obj <<>> endobj', 'application/pdf'],
    ['BMP', 'BM6\0\0\0', 'image/bmp'],
    ['HEIC', '\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'image/heic'],
    ['one byte', '\xff', 'image/jpeg'],
  ])('%s', async (_, text, type) => {
    expectProblem(await post(app, Buffer.from(text, 'latin1'), {}, type), 415, 'unsupported_format');
  });

  it('a file of a form, however it is named', async () => {
    const response = await request(app).post('/v1/classify').attach('image', Buffer.from('just words'), 'cat.jpg');
    expectProblem(response, 415, 'unsupported_format');
  });
});

describe('a picture that cannot be decoded is 422 damaged_image', () => {
  it.each(Object.entries(FORMATS))('%s, the second half missing', async (_, draw) => {
    expectProblem(await post(app, half(await draw(200, 200))), 422, 'damaged_image');
  });

  it.each([
    ['jpeg', Buffer.from([0xff, 0xd8, 0xff, 0xe0])],
    ['png', Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')],
    ['webp', Buffer.from('RIFF\x04\0\0\0WEBP', 'latin1')],
    ['gif', Buffer.from('GIF89a')],
    ['tiff', Buffer.from('II*\0')],
    ['avif', Buffer.from('\0\0\0\x14ftypavif\0\0\0\0avif', 'latin1')],
  ])('%s, nothing but its first bytes', async (_, image) => {
    expectProblem(await post(app, image), 422, 'damaged_image');
  });

  it('noise in the middle of the pixels', async () => {
    const image = await FORMATS.png(200, 200);
    image.fill(0x55, image.length >> 1, (image.length >> 1) + 20);
    expectProblem(await post(app, image), 422, 'damaged_image');
  });
});

describe('where keys are set', () => {
  it('a request without one, or with a wrong one, is 401', async () => {
    const closed = guarded(['sesame', 'open']);
    const image = await jpeg();
    for (const headers of [
      {},
      { Authorization: 'Bearer wrong' },
      { 'X-API-Key': '' },
      { Authorization: 'Basic eDp5' },
    ]) {
      for (const asked of [post(closed, image), request(closed).get('/v1/cascades')]) {
        const response = await asked.set(headers);
        expectProblem(response, 401, 'unauthorized');
        expect(response.headers['www-authenticate']).toBe('Bearer');
      }
    }
  });

  it('each right key opens, as a bearer token and as X-API-Key', async () => {
    const closed = guarded(['sesame', 'open']);
    const image = await jpeg();
    for (const key of ['sesame', 'open']) {
      answerOf(await post(closed, image).set('Authorization', `Bearer ${key}`));
      answerOf(await post(closed, image).set('X-API-Key', key));
      expect((await request(closed).get('/v1/cascades').set('X-API-Key', key)).status).toBe(200);
    }
  });

  it('probes and metrics need none', async () => {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      expect((await request(guarded(['sesame'])).get(path)).status).toBe(200);
    }
  });
});

describe('a caller who asks too often', () => {
  it('is told 429 and when to come back', async () => {
    const slowed = guarded([], 3);
    const responses = await Promise.all(Array.from({ length: 30 }, () => request(slowed).get('/v1/policies')));
    const refused = responses.filter(({ status }) => status !== 200);
    expect(responses.length - refused.length).toBeGreaterThanOrEqual(3);
    expect(refused.length).toBeGreaterThan(0);
    for (const response of refused) {
      expectProblem(response, 429, 'rate_limited');
      expect(response.headers['retry-after']).toBe('1');
    }
  });

  it('does not use up the requests of another key', async () => {
    const slowed = guarded(['greedy', 'modest'], 1);
    const image = await jpeg();
    const greedy = await Promise.all(Array.from({ length: 10 }, () => post(slowed, image).set('X-API-Key', 'greedy')));
    expect(greedy.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
    answerOf(await post(slowed, image).set('X-API-Key', 'modest'));
  });
});

describe('a gateway with too much to do', () => {
  it('answers what it took and says 503 overloaded to the rest, with a time to come back', async () => {
    const image = await drawn(1200, 1200).png().toBuffer();
    const responses = await Promise.all(Array.from({ length: 100 }, () => post(app, image)));
    const refused = responses.filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(responses.length);
    for (const response of refused) {
      expectProblem(response, 503, 'overloaded');
      expect(response.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    }
  });

  it('says 504 deadline_exceeded when no exit can be passed in time', async () => {
    const image = await drawn(1200, 1200).png().toBuffer();
    expectProblem(await post(app, image, { deadline_ms: 1 }), 504, 'deadline_exceeded');
  });

  it('says 503 shutting_down once it is closed', async () => {
    await served.gateway.close();
    const response = await post(app, await jpeg());
    expectProblem(response, 503, 'shutting_down');
    expect(response.headers['retry-after']).toBe('1');
  });
});
