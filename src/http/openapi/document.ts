/** OpenAPI 3.1 of all that others ask. The same for every gateway of this version: it says nothing of what one serves. */

import { version } from '../../version.js';
import { INFERENCE } from './inference.js';
import { type Paths, pathsOf } from './operation.js';
import { OPERATIONS } from './operations.js';
import { HEADERS } from './parts.js';
import { outsideResponses } from './problems.js';
import { componentSchemas } from './schemas.js';

const DESCRIPTION = `Answers each image with as little neural network as that image needs.

Errors are problem details (RFC 9457) with a stable \`code\`. At addresses that are none, 404 with the code \`not_found\`; for other
methods than those below, 405 with the code \`method_not_allowed\` and the header Allow. Where GET is answered, HEAD is too.
Below \`/v2\` errors have the shape of the Open Inference Protocol, with the same statuses. Where the head of a request does not come
whole, its address is not known, and the error is a problem for all of them.

What is under \`/console/\` is not part of this: it is the page's own and changes with the page.`;

export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly paths: Paths;
  readonly [key: string]: unknown;
}

export function openApiDocument(): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'the gateway that this document comes from' }],
    tags: [
      { name: 'classify', description: 'pictures' },
      { name: 'catalogue', description: 'what is served' },
      { name: 'inference', description: 'the Open Inference Protocol (KServe v2)' },
      { name: 'operations', description: 'for those who run it; no key is asked for' },
    ],
    paths: pathsOf({ ...OPERATIONS, ...INFERENCE }),
    components: {
      schemas: componentSchemas(),
      responses: outsideResponses({ 'X-Request-Id': HEADERS.requestId }),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}
