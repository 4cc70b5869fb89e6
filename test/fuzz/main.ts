/** npm run fuzz: as many mutated inputs as are asked for, against the built gateway; says what came of them. */

import { parseArgs } from 'node:util';
import { loadRepository } from '../../src/cascade/loader.js';
import { MODELS } from '../support/gateway.js';
import { ServeProcess } from '../support/process.js';
import { campaign, growth, summary } from './campaign.js';
import { fuzzConfiguration } from './configuration.js';

const text = { type: 'string' } as const;
const { values } = parseArgs({ options: { count: text, seed: text, yaml: text, help: { type: 'boolean' } } });
if (values.help) {
  console.log('Usage: npm run fuzz -- [--count 20000] [--seed N] [--yaml 2000]');
  process.exit(0);
}
const count = Number(values.count ?? 20_000);
const seed = Number(values.seed ?? Date.now() % 1_000_000);
console.log(`seed ${seed}`);

const { cascades } = await loadRepository(MODELS);
const yaml = await fuzzConfiguration(seed, Number(values.yaml ?? 2000), cascades);
console.log(`YAML: ${yaml.taken} taken, ${yaml.refused} refused, ${yaml.crashes.length} crashes`);
for (const { error, text: source } of yaml.crashes.slice(0, 3))
  console.log(error, JSON.stringify(source.slice(0, 2000)));

await using gateway = new ServeProcess();
await gateway.said('ready');
const lanes = () => gateway.lanePids;
const port = Number(new URL(await gateway.url()).port);
const from = performance.now();
const report = await campaign({ port, pid: gateway.pid, lanes }, seed, count);
const seconds = (performance.now() - from) / 1000;
const deaths = gateway.log.filter(({ msg }) => msg === 'lane died and is replaced');
const errors = gateway.log.filter(({ level, time }) => Number(level) >= 50 && time !== undefined);
// libvips says some things of damaged files past any log.
const past = gateway.log.filter(({ time, msg }) => time === undefined && msg !== '');
const megabytes = (parts: readonly number[]) => parts.map((bytes) => (bytes / 1e6).toFixed(0)).join(' + ');
const grown = growth(report);
console.log(summary(report));
console.log(
  `${report.sent} requests in ${seconds.toFixed(0)} s; ${report.failures.length} with 5xx or without an answer`,
);
for (const file of report.failures.slice(0, 20)) console.log(`  ${file}`);
console.log(`lanes lost: ${deaths.length}; errors in the log: ${errors.length}; lines past it: ${past.length}`);
for (const line of [...deaths, ...errors].slice(0, 5)) console.log(`  ${JSON.stringify(line).slice(0, 500)}`);
console.log(
  `memory of gateway + lanes, MB: ${report.memory.map(megabytes).join(', ')} (after the half, at the end): ${(100 * grown).toFixed(1)} %`,
);
const failed = yaml.crashes.length + report.failures.length + deaths.length + errors.length > 0 || grown > 0.1;
process.exitCode = failed ? 1 : 0;
