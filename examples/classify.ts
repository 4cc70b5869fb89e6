/**
 * Classifies pictures with the client of the package: npx tsx examples/classify.ts PICTURE...
 * SLUICE_URL: where the gateway is, default http://localhost:8080; SLUICE_API_KEY: where keys are set.
 */

import { readFile } from 'node:fs/promises';
import { SluiceClient, SluiceProblem } from 'sluice/client';

const { SLUICE_URL: baseUrl = 'http://localhost:8080', SLUICE_API_KEY: apiKey } = process.env;
const client = new SluiceClient({ baseUrl, ...(apiKey === undefined ? {} : { apiKey }) });

for (const path of process.argv.slice(2)) {
  try {
    console.log(`${path}: ${await lineOf(path)}`);
  } catch (error) {
    // The next file may be a better one.
    console.error(`${path}: ${reasonOf(error as Error)}`);
    process.exitCode = 1;
  }
}

/** The answer to one file, in words. */
async function lineOf(path: string): Promise<string> {
  const { predictions, route, cost } = await client.classify(await readFile(path), { top: 1, deadlineMs: 60_000 });
  const { label, probability } = predictions[0]!;
  const rung = `${route.backbone}/${route.width}@${route.resolution}`;
  const share = `${Math.round(100 * cost.ratio)}% of the full cost`;
  return `${label} ${probability.toFixed(2)}, ${rung} exit ${route.exit}, ${share}`;
}

/** `SluiceUnreachable`, `SluiceTimeout` and files that cannot be read say all in their message. */
function reasonOf(error: Error): string {
  return error instanceof SluiceProblem ? `${error.code}: ${error.detail}` : error.message;
}
