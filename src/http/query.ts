/** The query of POST /v1/classify, through one schema. */

import { z } from 'zod';
import { RequestError } from '../errors.js';

const whole = (text: string) => (/^\d+$/.test(text) ? Number(text) : Number.NaN);

export const ClassifyQuery = z.strictObject({
  cascade: z.string().optional().describe('name of a cascade; default: the one the gateway was started with'),
  policy: z.string().optional().describe('name of a policy; default: the one the gateway was started with'),
  top: z
    .string()
    .transform(whole)
    .pipe(z.int().min(1).max(1000))
    .default(5)
    .describe('how many classes to give, 1 to 1000'),
  deadline_ms: z
    .string()
    .transform(whole)
    .pipe(z.int().min(1).max(600_000))
    .optional()
    .describe('milliseconds from the arrival of the request, 1 to 600000: then the best exit so far is the answer'),
  explain: z.enum(['true', 'false']).default('false').describe('true: every exit that was passed is listed'),
});

const ALLOWED = Object.entries(ClassifyQuery.shape)
  .map(([key, schema]) => `${key} (${schema.description})`)
  .join('; ');

/** @throws RequestError bad_query naming the parameter and what is allowed */
export function parseQuery(query: unknown): z.output<typeof ClassifyQuery> {
  const result = ClassifyQuery.safeParse(query);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  if (issue.code === 'unrecognized_keys') {
    throw new RequestError(
      'bad_query',
      `unknown parameter "${String(issue.keys[0]).slice(0, 40)}"; allowed: ${ALLOWED}`,
    );
  }
  const key = String(issue.path[0]) as keyof typeof ClassifyQuery.shape;
  throw new RequestError('bad_query', `"${key}" is wrong; allowed: ${ClassifyQuery.shape[key].description}`);
}
