/** What the HTTP contract promises, as schemas that refuse a key too many, and the requests that the tests send. */

import type { RequestListener } from 'node:http';
import request, { type Response, type Test } from 'supertest';
import { expect } from 'vitest';
import { z } from 'zod';

const place = {
  backbone: z.string().min(1),
  width: z.number().gt(0).max(1),
  resolution: z.int().positive(),
  exit: z.int().positive(),
  score: z.number().min(0),
};
const step = z.strictObject({ ...place, threshold: z.number().min(0).nullable(), exited: z.boolean() });
const ms = z.number().nonnegative();

/** The body of a 200 from POST /v1/classify. */
export const Answer = z.strictObject({
  id: z.uuid(),
  cascade: z.string().min(1),
  policy: z.string().min(1),
  predictions: z
    .array(
      z.strictObject({
        index: z.int().nonnegative(),
        label: z.string().min(1),
        wnid: z.string().min(1).optional(),
        probability: z.number().min(0).max(1),
      }),
    )
    .min(1),
  route: z.strictObject({
    ...place,
    reason: z.enum(['confident', 'final', 'deadline', 'budget']),
    point: z.string().min(1).optional(),
    policy_version: z.string().min(1),
    steps: z.array(step).min(1).optional(),
  }),
  cost: z.strictObject({
    macs: z.int().positive(),
    full_macs: z.int().positive(),
    ratio: z.number().nonnegative(),
    queue_ms: ms,
    decode_ms: ms,
    inference_ms: ms,
    total_ms: ms,
  }),
});
export type Answer = z.output<typeof Answer>;

/** The body of every error: RFC 9457, and no more than it promises. */
const Problem = z.strictObject({
  type: z.string().min(1),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string(),
});

export type Query = Record<string, string | number | boolean | readonly string[]>;

/** POST /v1/classify with the picture as the body. */
export function post(
  app: RequestListener,
  image: Uint8Array,
  query: Query = {},
  type = 'application/octet-stream',
): Test {
  const asBytes = ((body: unknown) => body) as (body: unknown) => string;
  return request(app)
    .post('/v1/classify')
    .query(query)
    .set('Content-Type', type)
    .serialize(asBytes)
    .send(Buffer.from(image));
}

export function answerOf(response: Response): Answer {
  expect(response.status, JSON.stringify(response.body)).toBe(200);
  expect(response.headers['content-type']).toMatch(/^application\/json\b/);
  expect(response.headers['x-content-type-options']).toBe('nosniff');
  return Answer.parse(response.body);
}

/** Posts a picture that must be answered. */
export async function ask(app: RequestListener, image: Uint8Array, query?: Query, type?: string): Promise<Answer> {
  return answerOf(await post(app, image, query, type));
}

/** Checks all that holds for every problem; returns its detail. */
export function expectProblem(response: Response, status: number, code: string): string {
  expect(`${response.status} ${response.body?.code}`, JSON.stringify(response.body)).toBe(`${status} ${code}`);
  expect(response.headers['content-type']).toMatch(/^application\/problem\+json\b/);
  expect(response.headers['x-content-type-options']).toBe('nosniff');
  const problem = Problem.parse(response.body);
  expect(problem.status).toBe(status);
  expect(problem.type).toContain(code);
  // No stack traces, no paths of files.
  expect(problem.detail).not.toMatch(/\n|\bat \S+ \(|\.(js|ts|onnx|yaml)\b|node_modules|(^|[\s"'(])\/(?!v1\/)\w/);
  return problem.detail;
}
