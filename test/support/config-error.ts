/** What a {@link ConfigError} says, for tests that compare it. */

import { ConfigError } from '../../src/errors.js';

/** The error that `work` throws; fails when it throws none, or one of another kind. */
export async function configErrorOf(work: () => unknown): Promise<ConfigError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('no ConfigError was thrown');
}
