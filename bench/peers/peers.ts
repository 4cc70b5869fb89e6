/**
 * The servers that Sluice is compared with, each as its own documentation has it. All serve the same whole graph (the last rung of the
 * cascade, without heads of earlier exits) with the same decode, and answer the index of the most probable class.
 */

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { machine } from '../support/machine.js';
import { venv } from '../support/venv.js';

/** Of those that have workers: as many as Sluice has lanes, one thread of ONNX Runtime each. */
export const WORKERS = 2;
/** Largest batch of those that make batches; they wait 5 ms at most for a batch to fill, where that can be said. */
export const BATCH = 8;

/** How to start one on a port. */
export interface Launch {
  /** Program and arguments. */
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** One kind of request. */
export interface Form {
  readonly path: string;
  readonly contentType: string;
  body(jpeg: Uint8Array): Uint8Array;
  /** Index of the most probable class in an answer's JSON; anything else where it is no such answer. */
  read(answer: unknown): unknown;
}

export interface Peer {
  /** Also of its virtual environment. */
  readonly name: string;
  /** Folder in bench/peers. */
  readonly folder: string;
  /** One line for reports. */
  readonly about: string;
  readonly form: Form;
  /**
   * @param folder for what it writes
   * @throws Error that says why it cannot be started here
   */
  launch(port: number, folder: string): Promise<Launch>;
}

const raw = (path: string): Form => ({
  path,
  contentType: 'image/jpeg',
  body: (jpeg) => jpeg,
  read: (answer) => (answer as { index?: unknown }).index,
});

/** multipart/form-data with one file. */
function upload(path: string, field: string, read: Form['read']): Form {
  const boundary = randomBytes(12).toString('hex');
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="image.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return {
    path,
    contentType: `multipart/form-data; boundary=${boundary}`,
    body: (jpeg) => Buffer.concat([Buffer.from(head), jpeg, Buffer.from(`\r\n--${boundary}--\r\n`)]),
    read,
  };
}

/** Base64 in JSON: MLServer's HTTP endpoint takes bytes no other way. */
const openInference: Form = {
  path: '/v2/models/classifier/infer',
  contentType: 'application/json',
  body: (jpeg) => {
    const data = [Buffer.from(jpeg).toString('base64')];
    return Buffer.from(JSON.stringify({ inputs: [{ name: 'image', datatype: 'BYTES', shape: [1, 1], data }] }));
  },
  read: (answer) => (answer as { outputs?: { data: unknown[] }[] }).outputs?.[0]?.data[0],
};

const node = async (program: string): Promise<Launch> => {
  const { node, onnxruntime, sharp, express } = machine();
  return { command: [process.execPath, program], versions: { node, express, onnxruntime, sharp } };
};

async function python(name: string, packages: readonly string[], args: readonly string[]): Promise<Launch> {
  const requirements = new URL(`./${name}/requirements.txt`, import.meta.url);
  const made = await venv(name, requirements.pathname);
  const versions = Object.fromEntries(
    [...packages, 'onnxruntime', 'pillow'].map((each) => [each, made.versions[each]!]),
  );
  return { command: [made.python, ...args], versions };
}

export const PEERS: readonly Peer[] = [
  {
    name: 'express',
    folder: 'express',
    about: 'Express, sharp, onnxruntime-node; one process, all at defaults (ONNX Runtime takes all cores)',
    form: raw('/classify'),
    launch: () => node('server.mjs'),
  },
  {
    name: 'express-cluster',
    folder: 'express',
    about: `the same in node:cluster, ${WORKERS} workers, one thread of ONNX Runtime each`,
    form: raw('/classify'),
    launch: () => node('cluster.mjs'),
  },
  {
    name: 'litserve',
    folder: 'litserve',
    about: `file upload, ${WORKERS} workers, batches of at most ${BATCH} within 5 ms`,
    form: upload('/predict', 'image', (answer) => (answer as { index?: unknown }).index),
    launch: () => python('litserve', ['litserve'], ['server.py']),
  },
  {
    name: 'bentoml',
    folder: 'bentoml',
    about: `file upload, ${WORKERS} workers, batchable (at most ${BATCH}; it finds out by itself how long to wait)`,
    form: upload('/classify', 'images', (answer) => (answer as unknown[])[0]),
    launch: async (port, folder) => ({
      ...(await python(
        'bentoml',
        ['bentoml'],
        ['-m', 'bentoml', 'serve', 'service:Classifier', '--host', '127.0.0.1', '--port', `${port}`],
      )),
      env: { BENTOML_DO_NOT_TRACK: 'True', BENTOML_HOME: join(folder, 'bentoml') },
    }),
  },
  {
    name: 'mlserver',
    folder: 'mlserver',
    about: `Open Inference Protocol (base64 in JSON), ${WORKERS} parallel workers, adaptive batching (at most ${BATCH} within 5 ms)`,
    form: openInference,
    launch: async (port, folder) => ({
      ...(await python('mlserver', ['mlserver'], ['-c', 'from mlserver.cli import main; main()', 'start', '.'])),
      env: {
        MLSERVER_HTTP_PORT: `${port}`,
        MLSERVER_GRPC_PORT: '0',
        MLSERVER_METRICS_DIR: join(folder, 'metrics'),
        MLSERVER_ENVIRONMENTS_DIR: join(folder, 'environments'),
        MLSERVER_PARALLEL_WORKERS: `${WORKERS}`,
        MLSERVER_MODEL_MAX_BATCH_SIZE: `${BATCH}`,
        MLSERVER_MODEL_MAX_BATCH_TIME: '0.005',
      },
    }),
  },
  {
    name: 'ray',
    folder: 'ray',
    about: `Ray Serve, ${WORKERS} replicas, @serve.batch (at most ${BATCH} within 5 ms), workers not niced`,
    form: raw('/'),
    launch: async (_, folder) => ({
      ...(await python('ray', ['ray'], ['server.py'])),
      // By default its workers have niceness 15 and would lose to whoever sends the load. It is this machine's own, so no token.
      env: { RAY_TMPDIR: folder, RAY_worker_niceness: '0', RAY_AUTH_MODE: 'disabled', RAY_USAGE_STATS_ENABLED: '0' },
    }),
  },
];
