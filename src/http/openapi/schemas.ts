/** JSON Schemas (draft 2020-12, as OpenAPI 3.1 takes them) out of the zod schemas that validate. */

import { z } from 'zod';
import * as answers from '../answers.js';
import { ClassifyQuery } from '../query.js';
import * as inference from '../v2/schema.js';
import { ref } from './parts.js';

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** By the names that they have in `components`, and in the client. */
const NAMED = {
  Classification: answers.Classification,
  Prediction: answers.Prediction,
  Step: answers.Step,
  CascadeList: answers.CascadeList,
  Cascade: answers.Cascade,
  Rung: answers.Rung,
  Exit: answers.Exit,
  Label: answers.Label,
  CascadeWithLabels: answers.CascadeWithLabels,
  PolicyList: answers.PolicyList,
  Policy: answers.Policy,
  PolicyWithContent: answers.PolicyWithContent,
  Reload: answers.Reload,
  Live: answers.Live,
  Ready: answers.Ready,
  Index: answers.Index,
  Problem: answers.Problem,
  InferResponse: inference.InferResponse,
  InferenceError: inference.ErrorResponse,
  ServerMetadata: inference.ServerMetadata,
  ServerLive: inference.ServerLive,
  ServerReady: inference.ServerReady,
  ModelMetadata: inference.ModelMetadata,
  ModelReady: inference.ModelReady,
  RepositoryIndex: inference.RepositoryIndex,
} as const;

/** Bodies of requests: what may be left out is what has a default. */
const TAKEN = { InferRequest: inference.InferRequest } as const;

export function componentSchemas(): Record<string, JsonSchema> {
  return { ...schemasOf(NAMED, 'output'), ...schemasOf(TAKEN, 'input') };
}

function schemasOf(named: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Record<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { io, uri: (id) => ref(id).$ref, override: withoutNoise });
  return Object.fromEntries(Object.entries(schemas).map(([id, { $schema: _, $id: __, ...schema }]) => [id, schema]));
}

/** The parameters of POST /v1/classify: what each text must be once it is read. */
export function queryParameters(): object[] {
  return Object.entries(ClassifyQuery.shape).map(([name, schema]) => {
    const { $schema: _, description, ...rest } = z.toJSONSchema(schema as z.ZodType, { override: withoutNoise });
    return { name, in: 'query', required: false, description, schema: rest };
  });
}

/** Takes away what says nothing: bounds that zod adds for what a computer can hold. */
function withoutNoise({ jsonSchema }: { jsonSchema: JsonSchema }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  // The pattern says once more what the format says.
  if (jsonSchema.format === 'uuid' || jsonSchema.format === 'date-time') delete jsonSchema.pattern;
}
