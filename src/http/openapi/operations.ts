/** The operations of Sluice's own, by address and method. */

import type { Format } from '../sniff.js';
import { GUARDED, json, nameOf, type Operations, ok } from './operation.js';
import { BYTES, HEADERS, PRIORITY } from './parts.js';
import { queryParameters } from './schemas.js';

/** A new format does not compile before it has its media type. */
const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  jpeg: 'image/jpeg',
  png: 'image/png',
  webp: 'image/webp',
  avif: 'image/avif',
  gif: 'image/gif',
  tiff: 'image/tiff',
};

const CLASSIFY_BODY = {
  required: true,
  description:
    'The bytes of one picture, or a form with the file field `image`. The first bytes decide what the picture is: ' +
    'other types than these are read as well, Content-Type is looked at for forms only.',
  content: {
    'application/octet-stream': { schema: BYTES },
    ...Object.fromEntries(Object.values(MEDIA_TYPES).map((type) => [type, { schema: BYTES }])),
    'multipart/form-data': {
      schema: { type: 'object', properties: { image: BYTES }, required: ['image'] },
      encoding: { image: { contentType: Object.values(MEDIA_TYPES).join(', ') } },
    },
  },
};

export const OPERATIONS: Operations = {
  '/v1/classify': {
    post: {
      id: 'classify',
      tag: 'classify',
      summary: 'Answers a picture with as little network as it needs',
      description: 'The cascade and the policy are those of the moment in which the request was let in.',
      parameters: [...queryParameters(), PRIORITY],
      requestBody: CLASSIFY_BODY,
      answers: ok('The classes, the exit that answered, and what it cost', 'Classification'),
      hazards: [...GUARDED, 'picture', 'lanes', 'cascade', 'policy'],
      headers: { traceparent: HEADERS.traceparent },
    },
  },
  '/v1/cascades': {
    get: {
      id: 'listCascades',
      tag: 'catalogue',
      summary: 'The cascades that are served, with what each exit costs',
      answers: ok('All cascades', 'CascadeList'),
      hazards: GUARDED,
    },
  },
  '/v1/cascades/{name}': {
    get: {
      id: 'getCascade',
      tag: 'catalogue',
      summary: 'One cascade, with its labels',
      parameters: nameOf('cascade'),
      answers: ok('The cascade', 'CascadeWithLabels'),
      hazards: [...GUARDED, 'name', 'cascade'],
    },
  },
  '/v1/policies': {
    get: {
      id: 'listPolicies',
      tag: 'catalogue',
      summary: 'The policies that are served, and how the last change of them went',
      answers: ok('All policies', 'PolicyList'),
      hazards: GUARDED,
    },
  },
  '/v1/policies/{name}': {
    get: {
      id: 'getPolicy',
      tag: 'catalogue',
      summary: 'One policy, with all that its file says',
      parameters: nameOf('policy'),
      answers: ok('The policy', 'PolicyWithContent'),
      hazards: [...GUARDED, 'name', 'policy'],
    },
  },
  '/livez': {
    get: {
      id: 'live',
      tag: 'operations',
      summary: 'The process runs',
      answers: ok('It does', 'Live'),
      hazards: [],
    },
  },
  '/readyz': {
    get: {
      id: 'ready',
      tag: 'operations',
      summary: 'Requests are answered here',
      answers: {
        ...ok('They are', 'Ready'),
        503: { description: 'Not yet, or not any more', content: json('Ready') },
      },
      hazards: [],
    },
  },
  '/metrics': {
    get: {
      id: 'metrics',
      tag: 'operations',
      summary: 'Metrics for Prometheus',
      description: 'Not here where they have an address of their own (`--metrics-port`) or are off.',
      answers: {
        200: {
          description: 'The text format of Prometheus',
          content: { 'text/plain': { schema: { type: 'string' } } },
        },
      },
      hazards: ['metrics'],
    },
  },
  '/openapi.json': {
    get: {
      id: 'openApi',
      tag: 'operations',
      summary: 'This document',
      answers: {
        200: { description: 'OpenAPI 3.1', content: { 'application/json': { schema: { type: 'object' } } } },
      },
      hazards: [],
    },
  },
  '/': {
    get: {
      id: 'index',
      tag: 'operations',
      summary: 'What is here; for browsers, the console',
      answers: {
        200: {
          description: 'HTML for who prefers it to JSON, where there is a console',
          content: { ...json('Index'), 'text/html': { schema: { type: 'string' } } },
        },
        304: { description: 'The page is still the one that If-None-Match names', content: {} },
      },
      hazards: [],
    },
  },
};
