import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Validator } from '@seriousme/openapi-schema-validator';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { openApiDocument } from '../../src/http/openapi/document.js';
import { PROBLEMS } from '../../src/http/problem.js';
import { type Answer, ask } from '../support/contract.js';
import { type HttpAnswer, undocumented } from '../support/documented.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

let served: TestGateway;
beforeAll(async () => {
  served = await startGateway({ lanes: 1 });
});
afterAll(() => served.gateway.close());

describe('/openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { status, body } = await request(served.app).get('/openapi.json');
    expect(status).toBe(200);
    const validator = new Validator();
    expect(await validator.validate(body)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  it('is refused by the validator once it is wrong', async () => {
    const wrong = JSON.stringify(openApiDocument()).replace('"in":"query"', '"in":"body"');
    expect((await new Validator().validate(JSON.parse(wrong))).valid).toBe(false);
  });

  it('is public where keys are set: it says nothing of what is served', async () => {
    const auth = new Auth({ keyHashes: ['0'.repeat(64)], ratePerSecond: 0 });
    const guarded = createApp({ ...served.deps, auth });
    expect((await request(guarded).get('/v1/policies')).status).toBe(401);
    const { status, text } = await request(guarded).get('/openapi.json');
    expect({ status, text }).toEqual({ status: 200, text: JSON.stringify(openApiDocument()) });
    expect(text).not.toMatch(/balanced|cifar10/);
  });

  it('has every problem that callers can be told, and the status of each', () => {
    const told = new Map<string, Set<number>>();
    type Narrowed = { properties?: { status?: { const?: number }; code?: { enum: string[] } } };
    const collect = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      const { status, code } = (value as Narrowed).properties ?? {};
      if (status?.const !== undefined && code !== undefined)
        for (const each of code.enum) told.set(each, (told.get(each) ?? new Set()).add(status.const));
      for (const each of Object.values(value)) collect(each);
    };
    collect(openApiDocument());
    // The caller who left reads nothing; the Open Inference Protocol has no place for codes.
    const { client_gone: _, bad_inference_request: __, ...others } = PROBLEMS;
    const expected = Object.entries(others).map(([code, { status }]) => [code, [status]]);
    expect(Object.fromEntries([...told].map(([code, statuses]) => [code, [...statuses]]))).toEqual(
      Object.fromEntries(expected),
    );
  });

  it('has the parameters of the query and the header, each with what is allowed', () => {
    const { parameters } = openApiDocument().paths['/v1/classify']!.post as {
      parameters: { name: string; schema: object }[];
    };
    expect(Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]))).toEqual({
      cascade: { type: 'string' },
      policy: { type: 'string' },
      top: { type: 'integer', minimum: 1, maximum: 1000, default: 5 },
      deadline_ms: { type: 'integer', minimum: 1, maximum: 600_000 },
      explain: { type: 'string', enum: ['true', 'false'], default: 'false' },
      'X-Sluice-Priority': { enum: ['interactive', 'batch'], default: 'interactive' },
    });
  });

  it('says of each address of it which methods it answers: others are 405', async () => {
    const told = (path: string) => request(served.app).delete(path);
    for (const [template, methods] of Object.entries(openApiDocument().paths)) {
      const response = await told(template.replace('{name}', 'balanced').replace('{version}', '1'));
      expect(`${template} ${response.status}`).toBe(`${template} 405`);
      expect(response.headers.allow).toBe('get' in methods ? 'GET, HEAD' : 'POST');
    }
  });
});

describe('an answer that the document does not have', () => {
  const good = async (): Promise<HttpAnswer & { body: Answer }> => {
    const body = await ask(served.app, await jpeg(), { explain: true });
    const headers: Record<string, string> = { 'X-Request-Id': body.id, 'content-type': 'application/json' };
    const path = '/v1/classify';
    return { method: 'POST', path, status: 200, header: (name) => headers[name], text: JSON.stringify(body), body };
  };

  it('is noticed: a status, a type, a key too many, a key too few, a wrong value, a missing header', async () => {
    const { body, ...answer } = await good();
    expect(undocumented(answer)).toBeUndefined();
    const { cost: _, ...short } = body;
    const withBody = (changed: object) => ({ ...answer, text: JSON.stringify(changed) });
    const cases: [RegExp, HttpAnswer][] = [
      [/not in the document/, { ...answer, status: 418 }],
      [/not in the document/, { ...answer, path: '/v1/secret' }],
      [/not in the document/, { ...answer, method: 'GET' }],
      [/undocumented type/, { ...answer, status: 400 }],
      [/has a body/, { ...answer, method: 'GET', path: '/', status: 304 }],
      [/additional properties/, withBody({ ...body, debug: true })],
      [/required property 'cost'/, withBody(short)],
      [/route\/exit/, withBody({ ...body, route: { ...body.route, exit: 0 } })],
      [/header X-Request-Id/, { ...answer, header: (name) => (name === 'content-type' ? 'application/json' : null) }],
    ];
    for (const [expected, wrong] of cases) expect(undocumented(wrong)).toMatch(expected);
  });

  it('is noticed where a problem has a code that cannot happen there', () => {
    const problem = (code: string) => ({
      method: 'GET',
      path: '/v1/policies/x',
      status: 404,
      header: (name: string) => (name === 'X-Request-Id' ? crypto.randomUUID() : 'application/problem+json'),
      text: JSON.stringify({ type: `urn:sluice:problem:${code}`, title: 'x', status: 404, detail: 'x', code }),
    });
    expect(undocumented(problem('unknown_policy'))).toBeUndefined();
    expect(undocumented(problem('unknown_cascade'))).toMatch(/code must be equal to one of the allowed values/);
  });

  /** Answers as a gateway does, but nothing that one would say. */
  const impostor: RequestListener = (_request, response) => {
    response.setHeader('X-Request-Id', crypto.randomUUID());
    response.setHeader('Content-Type', 'application/json');
    response.end('{"status":"undead"}');
  };

  it('fails the test that asked by supertest', async () => {
    await expect(request(impostor).get('/livez')).rejects.toThrow(/GET \/livez does not fit/);
  });

  it('fails the test that asked by fetch', async () => {
    const server = createServer(impostor).listen(0);
    const { port } = server.address() as AddressInfo;
    try {
      await expect(fetch(`http://localhost:${port}/livez`)).rejects.toThrow(/GET \/livez does not fit/);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
