/** `import { SluiceClient } from 'sluice-client'`, or from 'sluice/client' beside the gateway: no dependencies, nothing of Node. */

export {
  type CallOptions,
  type ClassifyOptions,
  type Picture,
  SluiceClient,
  type SluiceClientOptions,
} from './client.js';
export { SluiceProblem, SluiceTimeout, SluiceUnreachable } from './errors.js';
export type * from './types.js';
