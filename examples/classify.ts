/**
 * Classifies pictures with the client of the package: npx tsx examples/classify.ts PICTURE...
 * SLUICE_URL: where the gateway is, default http://localhost:8080; SLUICE_API_KEY: where keys are set.
 */

import { readFile } from 'node:fs/promises';
import { SluiceClient, SluiceProblem, SluiceTimeout, SluiceUnreachable } from 'sluice/client';

const { SLUICE_URL: baseUrl = 'http://localhost:8080', SLUICE_API_KEY: apiKey } = process.env;
const client = new SluiceClient({ baseUrl, ...(apiKey === undefined ? {} : { apiKey }) });

for (const path of process.argv.slice(2)) {
  try {
    const { predictions, route, cost } = await client.classify(await readFile(path), { top: 1, deadlineMs: 60_000 });
    const { label, probability } = predictions[0]!;
    const rung = `${route.backbone}/${route.width}@${route.resolution}`;
    const share = `${Math.round(100 * cost.ratio)}% of the full cost`;
    console.log(`${path}: ${label} ${probability.toFixed(2)}, ${rung} exit ${route.exit}, ${share}`);
  } catch (error) {
    if (error instanceof SluiceProblem) console.error(`${path}: ${error.code}: ${error.detail}`);
    else if (error instanceof SluiceUnreachable || error instanceof SluiceTimeout) {
      console.error(`${path}: ${error.message}`);
    } else throw error;
    process.exitCode = 1;
  }
}
