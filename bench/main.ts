/** npm run bench -- NAME: one file a benchmark, loaded only when it is asked for. Without a name: the one that shows everything. */

interface Bench {
  readonly about: string;
  readonly load: () => Promise<{ readonly usage: string; run(args: readonly string[]): Promise<number> }>;
}

const BENCHES: Record<string, Bench> = {
  core: {
    about: 'images/s over HTTP against two bare ONNX Runtime loops, and the event-loop delay of the gateway meanwhile',
    load: () => import('./core.js'),
  },
  loris: {
    about: 'p95 of normal callers with and without 1,000 connections that never finish a request',
    load: () => import('./loris.js'),
  },
  overload: {
    about: 'several times more requests than the gateway can answer: goodput against its capacity, lateness, memory',
    load: () => import('./overload.js'),
  },
  photos: {
    about: 'images/s over HTTP of every policy on a folder of pictures, decoding counted, as a ratio to `full`',
    load: () => import('./photos.js'),
  },
  priority: {
    about: 'latency of interactive requests alone and beside a flood of batch',
    load: () => import('./priority.js'),
  },
  proof: {
    about: 'everything side by side (the default): the limit, Sluice by policy, and peers that serve the same network',
    load: () => import('./proof.js'),
  },
  reload: {
    about: 'failed requests and event-loop delay of the gateway while policies and models are reloaded under load',
    load: () => import('./reload.js'),
  },
  scaling: {
    about: 'throughput by lanes, cost of a picture by size and depth, start, reload, memory',
    load: () => import('./scaling.js'),
  },
  simulate: {
    about: '2 to 64 lanes and many gateways behind a balancer, simulated from measured times; held against the gateway',
    load: () => import('./simulate.js'),
  },
  step: {
    about:
      'a step of load on a policy with a latency goal, with and without its controller: who is answered in time, and how well',
    load: () => import('./step.js'),
  },
  telemetry: {
    about: 'images/s over HTTP without telemetry, with metrics, with metrics and 1 % of traces; what one scrape costs',
    load: () => import('./telemetry.js'),
  },
};

const DEFAULT = 'proof';

function usage(): string {
  const lines = Object.entries(BENCHES).map(([name, { about }]) => `  ${name.padEnd(10)} ${about}`);
  return `Usage: npm run bench -- [name] [options]\n\nBenchmarks:\n${lines.join('\n')}\n\n--help after a name shows its options.\n`;
}

async function main(given: readonly string[]): Promise<number> {
  const [first] = given;
  if (first === '--help' || first === '-h') {
    process.stdout.write(usage());
    return 0;
  }
  // Options without a name are those of the default.
  const [name, ...args] =
    first === undefined || first.startsWith('-') ? [DEFAULT, ...given] : [first, ...given.slice(1)];
  const known = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (known === undefined) {
    process.stderr.write(`error: no benchmark "${name}"\n\n${usage()}`);
    return 2;
  }
  const bench = await known.load();
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(bench.usage);
    return 0;
  }
  try {
    return await bench.run(args);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    process.stderr.write(`error: ${message}\n`);
    return code?.startsWith('ERR_PARSE_ARGS') || error instanceof RangeError ? 2 : 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
