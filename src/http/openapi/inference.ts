/** The operations of the Open Inference Protocol (KServe v2), with errors in the protocol's shape. */

import { LENGTH_HEADER } from '../v2/binary.js';
import { GUARDED, json, type Operation, type Operations, ok } from './operation.js';
import { BYTES, HEADERS, PRIORITY, ref } from './parts.js';

const common = { tag: 'inference', errors: 'inference' } as const;
const LENGTH = { type: 'integer', minimum: 0 };
const LENGTH_MEANING = 'bytes of the JSON before the binary data';

const pathParameter = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string', minLength: 1 },
});
const NAME = pathParameter('name', 'of a model: a cascade');
const VERSION = pathParameter('version', 'of the model, as its metadata says it');

/** Each address of a model is there with and without a version. */
function ofModel(path: string, method: 'get' | 'post', operation: Operation): Operations {
  const { id, parameters = [] } = operation;
  const versioned = { ...operation, id: `${id}OfVersion`, parameters: [NAME, VERSION, ...parameters] };
  return {
    [`/v2/models/{name}${path}`]: { [method]: { ...operation, parameters: [NAME, ...parameters] } },
    [`/v2/models/{name}/versions/{version}${path}`]: { [method]: versioned },
  };
}

export const INFERENCE: Operations = {
  '/v2': {
    get: {
      ...common,
      id: 'serverMetadata',
      summary: 'Name, version and extensions',
      answers: ok('Of the server', 'ServerMetadata'),
      hazards: GUARDED,
    },
  },
  '/v2/health/live': {
    get: {
      ...common,
      id: 'serverLive',
      summary: 'The process runs',
      answers: ok('It does', 'ServerLive'),
      hazards: [],
    },
  },
  '/v2/health/ready': {
    get: {
      ...common,
      id: 'serverReady',
      summary: 'Requests are answered here',
      answers: {
        ...ok('They are', 'ServerReady'),
        503: { description: 'Not yet, or not any more', content: json('ServerReady') },
      },
      hazards: [],
    },
  },
  ...ofModel('', 'get', {
    ...common,
    id: 'modelMetadata',
    summary: 'Inputs and outputs of a model',
    answers: ok('Of the model', 'ModelMetadata'),
    hazards: [...GUARDED, 'name', 'cascade', 'lanes'],
  }),
  ...ofModel('/ready', 'get', {
    ...common,
    id: 'modelReady',
    summary: 'Whether a model answers',
    answers: {
      ...ok('It does', 'ModelReady'),
      503: {
        description: 'Not yet, or not any more; an error where the models are not known yet',
        headers: { 'Retry-After': { ...HEADERS.retryAfter, required: false } },
        content: { 'application/json': { schema: { anyOf: [ref('ModelReady'), ref('InferenceError')] } } },
      },
    },
    hazards: [...GUARDED, 'name', 'cascade', 'lanes'],
  }),
  ...ofModel('/infer', 'post', {
    ...common,
    id: 'infer',
    summary: 'Answers a batch of pictures, each by its own way through the cascade',
    parameters: [
      { name: LENGTH_HEADER, in: 'header', required: false, description: LENGTH_MEANING, schema: LENGTH },
      PRIORITY,
    ],
    requestBody: {
      required: true,
      content: { ...json('InferRequest'), 'application/octet-stream': { schema: BYTES } },
    },
    answers: {
      200: {
        description: 'The outputs; as JSON, or as JSON with binary data behind it where that was asked for',
        headers: {
          [LENGTH_HEADER]: { required: false, description: LENGTH_MEANING, schema: LENGTH },
          traceparent: HEADERS.traceparent,
        },
        content: { ...json('InferResponse'), 'application/octet-stream': { schema: BYTES } },
      },
    },
    hazards: [...GUARDED, 'name', 'tensors', 'lanes', 'cascade', 'policy'],
  }),
  '/v2/repository/index': {
    post: {
      ...common,
      id: 'repositoryIndex',
      summary: 'All models, as the model repository extension lists them',
      requestBody: { required: false, content: { 'application/json': { schema: {} } } },
      answers: ok('The models', 'RepositoryIndex'),
      hazards: GUARDED,
    },
  },
};
