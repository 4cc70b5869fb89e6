/** One operation, and how it becomes an object of OpenAPI. */

import { HEADERS, type Headers, ref } from './parts.js';
import { type Hazard, problemResponses, type Shape } from './problems.js';

export interface Operation {
  readonly id: string;
  readonly tag: 'classify' | 'catalogue' | 'operations' | 'inference';
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  /** Answers that are no errors, or more than an error at this status. */
  readonly answers: Readonly<
    Record<string, { readonly description: string; readonly content: object; readonly headers?: Headers }>
  >;
  readonly hazards: readonly Hazard[];
  /** Beside X-Request-Id. */
  readonly headers?: Headers;
  /** Of its errors; default: problem details. */
  readonly errors?: Shape;
}

/** By address, then by method. */
export type Operations = Readonly<Record<string, Readonly<Record<string, Operation>>>>;
export type Paths = Readonly<Record<string, Readonly<Record<string, object>>>>;

export const json = (schema: string) => ({ 'application/json': { schema: ref(schema) } });
export const ok = (description: string, schema: string) => ({ 200: { description, content: json(schema) } });
export const nameOf = (what: string) => [
  { name: 'name', in: 'path', required: true, description: `of a ${what}`, schema: { type: 'string', minLength: 1 } },
];

/** What lies behind keys and rates. */
export const GUARDED = ['keys', 'rate'] as const;

export function pathsOf(operations: Operations): Paths {
  return Object.fromEntries(
    Object.entries(operations).map(([path, methods]) => [
      path,
      Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, operationObject(operation)])),
    ]),
  );
}

function operationObject(operation: Operation): object {
  const { id, tag, summary, description, parameters, requestBody, answers, hazards } = operation;
  const headers = { 'X-Request-Id': HEADERS.requestId, ...operation.headers };
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined ? {} : { parameters }),
    ...(requestBody === undefined ? {} : { requestBody }),
    // Keys are needed where they are set; an empty requirement says that there may be none.
    security: hazards.includes('keys') ? [{ bearer: [] }, { apiKey: [] }, {}] : [],
    responses: {
      ...problemResponses(hazards, headers, operation.errors ?? 'problem'),
      ...Object.fromEntries(
        Object.entries(answers).map(([status, answer]) => [
          status,
          { ...answer, headers: { ...headers, ...answer.headers } },
        ]),
      ),
    },
  };
}
