import { execFileSync } from 'node:child_process';
import { appendFile, cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { serve } from '../../docs/configuration.js';
import { POLICIES_MANIFEST, policiesManifest, RULES_MANIFEST, rulesManifest } from '../../docs/kubernetes.js';
import { fileSchema, settingsOf } from '../../src/cli/settings.js';
import { parseYaml } from '../../src/config-file.js';
import { Gateway } from '../../src/gateway/gateway.js';
import { createApp } from '../../src/http/app.js';
import { Auth } from '../../src/http/auth.js';
import { createMetricsApp } from '../../src/http/metrics-app.js';
import { PolicyFile } from '../../src/policy/schema.js';
import { createLog } from '../../src/telemetry/log.js';
import { Metrics } from '../../src/telemetry/metrics.js';
import { ROOT } from '../support/gateway.js';
import { ManifestSchemas } from './manifest-schema.js';
import { type Manifest, manifestsIn, misspelt, read, readYamlFile } from './manifests.js';

const schemas = new ManifestSchemas();
const kubernetes = await manifestsIn('deploy/kubernetes');
const kserve = await manifestsIn('deploy/kserve');
const all = [...kubernetes, ...kserve];

const pod = kubernetes.get('deployment.yaml').spec.template;
const [container] = pod.spec.containers;
const runtime = kserve.get('serving-runtime.yaml');
const predictor = kserve.get('inference-service.yaml').spec.predictor;
const [runtimeContainer] = runtime.spec.containers;

const command = serve();
const settings = settingsOf(command);
/** What the container runs with where neither file nor variable says anything. */
const defaults = Object.fromEntries(settings.map(({ key, option }) => [key, option.defaultValue]));
const given = parseYaml(
  fileSchema(settings),
  kubernetes.get('config.yaml').data['sluice.yaml'],
  'config.yaml',
) as Record<string, Manifest>;
const effective = { ...defaults, ...given };
const runtimeSettings = { ...defaults, ...settingsOfVariables(runtimeContainer.env) };

/** @throws Error for a variable that is no setting, or a value that it does not take */
function settingsOfVariables(env: readonly { name: string; value: string }[]): Record<string, Manifest> {
  const ours = env.filter(({ name }) => name.startsWith('SLUICE_'));
  return Object.fromEntries(
    ours.map(({ name, value }) => {
      const setting = settings.find(({ variable }) => variable === name);
      if (setting === undefined) throw new Error(`${name} is no setting of sluice serve`);
      const { parseArg } = setting.option;
      return [setting.key, parseArg === undefined ? value : parseArg(value, undefined)];
    }),
  );
}

/** What the gateway itself takes under load, and a bit, without the pictures that it holds. */
const GATEWAY_BYTES = 300e6;

/** `kubectl` carries kustomize. */
const hasKubectl = (() => {
  try {
    execFileSync('kubectl', ['kustomize', '--help'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const kustomized = (folder: string) =>
  execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
    .split(/^---$/m)
    .map((each) => parse(each) as Manifest);

describe('every manifest', () => {
  it.each(all)('%s fits the schema of its kind', (_file, manifest) => {
    expect(schemas.errorsOf(manifest)).toEqual([]);
  });

  it.each(all)('%s would be refused with any of its keys misspelt', (_file, manifest) => {
    const cases = misspelt(manifest);
    expect(cases.length).toBeGreaterThan(2);
    expect(cases.filter((each) => schemas.errorsOf(each.manifest).length === 0).map(({ key }) => key)).toEqual([]);
  });

  it('is named by the kustomization, but the one that stands in for another', async () => {
    const { resources } = await readYamlFile('deploy/kubernetes/kustomization.yaml');
    expect([...resources, 'keda.yaml'].sort()).toEqual([...kubernetes.keys()]);
  });

  it.skipIf(!hasKubectl)(
    `is rendered by kustomize into one namespace${hasKubectl ? '' : ' (skipped: no kubectl)'}`,
    () => {
      const rendered = kustomized(`${ROOT}deploy/kubernetes`);
      expect(rendered.length).toBe(kubernetes.size - 1);
      for (const manifest of rendered) {
        expect(schemas.errorsOf(manifest)).toEqual([]);
        if (manifest.kind !== 'Namespace') expect(manifest.metadata.namespace, manifest.kind).toBe('sluice');
      }
      const { image } = rendered.find(({ kind }) => kind === 'Deployment').spec.template.spec.containers[0];
      expect(image).toMatch(/^[\w.-]+\.[\w.-]+\/sluice:\d/);
    },
  );
});

const COMPONENTS = ['keys', 'tls', 'traces'];

describe.skipIf(!hasKubectl)(`with all of its components, ${COMPONENTS.join(', ')},`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-kubernetes-'));
  await cp(`${ROOT}deploy/kubernetes`, folder, { recursive: true });
  await appendFile(join(folder, 'kustomization.yaml'), `components: [${COMPONENTS.join(', ')}]\n`);
  const rendered = hasKubectl ? kustomized(folder) : [];
  await rm(folder, { recursive: true });
  const of = (kind: string) => rendered.find((each) => each.kind === kind)?.spec;
  const { containers = [{}], volumes } = of('Deployment')?.template.spec ?? {};
  const [{ env, volumeMounts, ports, ...probes }] = containers;

  it('every manifest fits the schema of its kind', () => {
    expect(rendered.flatMap((each) => schemas.errorsOf(each))).toEqual([]);
  });

  it('variables are settings, and their files lie in Secrets that are mounted as folders', () => {
    const files = Object.entries(settingsOfVariables(env.filter(({ name }: Manifest) => name !== 'SLUICE_CONFIG')));
    expect(files.map(([key]) => key).sort()).toEqual(['keys', 'tls_cert', 'tls_key']);
    for (const [, file] of files) {
      const mount = volumeMounts.find(({ mountPath }: Manifest) => mountPath === dirname(file));
      expect(mount).not.toHaveProperty('subPath');
      expect(volumes.find(({ name }: Manifest) => name === mount.name)).toHaveProperty('secret.secretName');
    }
  });

  it('probes ask the port that answers without TLS, and callers are told of it', () => {
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
      expect(probes[probe].httpGet).toEqual({ ...container[probe].httpGet, port: 'metrics' });
    expect(ports).toEqual(container.ports);
    expect(effective.metrics_tls).toBe(false);
    expect(of('Service').ports).toEqual([{ name: 'http', port: 443, targetPort: 'http', appProtocol: 'https' }]);
  });

  it('the collector is where pods may go, and so are names', () => {
    const { value } = env.find(({ name }: Manifest) => name === 'OTEL_EXPORTER_OTLP_ENDPOINT');
    const { hostname, port } = new URL(value);
    const rules = of('NetworkPolicy').egress.flatMap(({ to, ports: open }: Manifest) =>
      open.map((each: Manifest) => [
        to[0].namespaceSelector.matchLabels['kubernetes.io/metadata.name'],
        each.protocol,
        each.port,
      ]),
    );
    expect(rules).toEqual([
      ['kube-system', 'UDP', 53],
      ['kube-system', 'TCP', 53],
      [hostname.split('.')[1], 'TCP', Number(port)],
    ]);
  });
});

describe('what belongs together', () => {
  it.each([
    ['Deployment', kubernetes.get('deployment.yaml').spec.selector.matchLabels],
    ['spread', pod.spec.topologySpreadConstraints[0].labelSelector.matchLabels],
    ['Service', kubernetes.get('service.yaml').spec.selector],
    ['PodDisruptionBudget', kubernetes.get('disruption.yaml').spec.selector.matchLabels],
    ['NetworkPolicy', kubernetes.get('network.yaml').spec.podSelector.matchLabels],
    ['PodMonitor', kubernetes.get('monitor.yaml').spec.selector.matchLabels],
  ])('%s selects the pods', (_kind, selector) => {
    expect(Object.keys(selector)).not.toEqual([]);
    expect(pod.metadata.labels).toMatchObject(selector);
  });

  it('are the ports: those that the settings open, by the names that others use', () => {
    const ports = Object.fromEntries(container.ports.map((port: Manifest) => [port.name, port.containerPort]));
    expect(ports).toEqual({ http: effective.port, metrics: effective.metrics_port });
    const used = [
      ...kubernetes.get('service.yaml').spec.ports.map((port: Manifest) => port.targetPort),
      ...kubernetes.get('monitor.yaml').spec.podMetricsEndpoints.map((endpoint: Manifest) => endpoint.port),
      ...kubernetes
        .get('network.yaml')
        .spec.ingress.flatMap((rule: Manifest) => rule.ports.map((p: Manifest) => p.port)),
      ...['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) => container[probe].httpGet.port),
    ];
    expect(used.filter((name) => !(name in ports))).toEqual([]);
    // KServe sends callers to the first.
    expect(runtimeContainer.ports.map((port: Manifest) => port.containerPort)).toEqual([
      runtimeSettings.port,
      runtimeSettings.metrics_port,
    ]);
    expect(kserve.get('monitor.yaml').spec.podMetricsEndpoints.map((endpoint: Manifest) => endpoint.port)).toEqual([
      runtimeContainer.ports[1].name,
    ]);
    expect(Number(runtime.spec.annotations['prometheus.kserve.io/port'])).toBe(runtimeSettings.metrics_port);
  });

  it('are the files: each volume is mounted, each ConfigMap is here, each setting that names a place finds it', () => {
    const mounts = new Map(container.volumeMounts.map((mount: Manifest) => [mount.name, mount.mountPath as string]));
    expect([...mounts.keys()].sort()).toEqual(pod.spec.volumes.map(({ name }: Manifest) => name).sort());
    const held = new Map<string, string[]>();
    for (const { name, configMap } of pod.spec.volumes) {
      if (configMap === undefined) continue;
      const found = all
        .map(([, each]) => each)
        .find((each) => each.kind === 'ConfigMap' && each.metadata.name === configMap.name);
      held.set(mounts.get(name) as string, Object.keys(found.data));
    }
    const [config] = container.env.filter(({ name }: Manifest) => name === 'SLUICE_CONFIG');
    expect(held.get(dirname(config.value))).toContain(config.value.split('/').at(-1));
    expect(held.get(effective.policies)).toContain(`${effective.policy}.yaml`);
  });

  it('are lanes and processors', () => {
    expect(String(effective.lanes)).toBe(container.resources.limits.cpu);
    expect(String(runtimeSettings.lanes)).toBe(runtimeContainer.resources.limits.cpu);
  });

  it.each([
    // Its models may change while it serves: the lanes before and after.
    ['Deployment', container, effective, 2],
    ['ServingRuntime', runtimeContainer, runtimeSettings, 1],
  ])('%s has memory for its lanes at their ceiling, and for the gateway', (_kind, each, settings_, sets) => {
    const [, gibibytes] = /^(\d+)Gi$/.exec(each.resources.limits.memory)!;
    const lanes = settings_.lanes * sets * settings_.lane_memory_mb * 1e6;
    // Pictures that wait, and as many bytes of those that are on their way.
    const held = 2 * settings_.queue_bytes;
    expect(Number(gibibytes) * 2 ** 30).toBeGreaterThan(lanes + held + GATEWAY_BYTES);
  });

  it.each([
    ['Deployment', pod.spec.terminationGracePeriodSeconds, effective],
    ['InferenceService', predictor.terminationGracePeriodSeconds, runtimeSettings],
  ])('%s is given longer to end than its drain can take', (_kind, graceSeconds, { drain_delay_ms, drain_ms }) => {
    expect(drain_delay_ms).toBeGreaterThan(0);
    // Emptying the kernel's queue, the last answers, and the traces that are still to be sent.
    expect(graceSeconds).toBeGreaterThanOrEqual((drain_delay_ms + drain_ms) / 1000 + 10);
  });

  it('is the runtime that the InferenceService names, its format and its protocol', () => {
    const { modelFormat, protocolVersion, runtime: name } = predictor.model;
    expect(name).toBe(runtime.metadata.name);
    expect(runtime.spec.supportedModelFormats).toContainEqual(expect.objectContaining(modelFormat));
    expect(runtime.spec.protocolVersions).toContain(protocolVersion);
    // KServe's own name of the container that serves.
    expect(runtimeContainer.name).toBe('kserve-container');
    expect(command.name()).toBe(runtimeContainer.args[0]);
  });

  it('are the policies of this repository, each in a file that is read', async () => {
    expect(await readFile(POLICIES_MANIFEST, 'utf8')).toBe(await policiesManifest());
    for (const [file, text] of Object.entries(kubernetes.get('policies.yaml').data))
      parseYaml(PolicyFile, text as string, file);
  });

  it('are the rules of grafana/', async () => {
    expect(await readFile(RULES_MANIFEST, 'utf8')).toBe(await rulesManifest());
    const texts = await Promise.all(['grafana/recording.yaml', 'grafana/alerts.yaml'].map(read));
    expect(kubernetes.get('rules.yaml').spec.groups).toEqual(texts.flatMap((text) => parse(text).groups));
    // They go by the name of the job: that is this label of the pods.
    const { jobLabel } = kubernetes.get('monitor.yaml').spec;
    expect(pod.metadata.labels[jobLabel]).toMatch(/^sluice/);
  });

  it('are replicas and autoscaler: one of the two says how many', async () => {
    const { resources } = await readYamlFile('deploy/kubernetes/kustomization.yaml');
    expect(resources).toContain('scaling.yaml');
    expect(resources).not.toContain('keda.yaml');
    expect(kubernetes.get('deployment.yaml').spec).not.toHaveProperty('replicas');
    expect(kubernetes.get('scaling.yaml').spec.minReplicas).toBeGreaterThan(1);
  });

  it('is no variable of a Service that would be read as a setting', () => {
    expect(pod.spec.enableServiceLinks).toBe(false);
    expect(predictor.enableServiceLinks).toBe(false);
  });
});

describe('what the gateway answers', () => {
  const metrics = new Metrics();
  const options = { lanes: 1, threads: 1, maxPixels: 1, queue: 1, queueBytes: 1, defaultPolicy: 'balanced' };
  // Without lanes: the addresses are there all the same.
  const gateway = new Gateway({ ...options, cascades: [], policies: [] });
  const auth = new Auth({ keyHashes: [], ratePerSecond: 0 });
  const app = createApp({ gateway, metrics, metricsElsewhere: true, auth, log: createLog('silent'), maxBytes: 1 });

  it.each([container, runtimeContainer])('is there for each probe', async (each) => {
    const paths = ['startupProbe', 'readinessProbe', 'livenessProbe'].map((probe) => each[probe].httpGet.path);
    // A gateway that warms up is alive, and not to be sent callers.
    const statuses = await Promise.all(paths.map(async (path) => (await request(app).get(path)).status));
    expect(statuses).toEqual([200, 503, 200]);
  });

  it('are the metrics that autoscalers ask for', async () => {
    const { text } = await request(createMetricsApp(metrics, gateway, createLog('silent'))).get(
      kubernetes.get('monitor.yaml').spec.podMetricsEndpoints[0].path,
    );
    const names = new Set([...text.matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!));
    const adapter = await readYamlFile('deploy/kubernetes/prometheus-adapter.yaml');
    const [rule] = adapter.rules.custom;
    const [metric] = kubernetes.get('scaling.yaml').spec.metrics;
    expect(rule.name.matches).toBe(metric.pods.metric.name);
    const asked = [
      metric.pods.metric.name,
      rule.seriesQuery,
      kubernetes.get('keda.yaml').spec.triggers[0].metadata.query,
      predictor.autoScaling.metrics[0].external.metric.query,
    ].map((query) => /sluice_\w+/.exec(query)![0]);
    expect(asked.filter((name) => !names.has(name))).toEqual([]);
    for (const file of ['scaling.yaml', 'keda.yaml'])
      expect(kubernetes.get(file).spec.scaleTargetRef.name).toBe(kubernetes.get('deployment.yaml').metadata.name);
  });
});

describe('a container', async () => {
  const dockerfile = await read('Dockerfile');
  const { services } = await readYamlFile('deploy/compose.yaml');
  const user = Number(/^USER (\d+)$/m.exec(dockerfile)![1]);

  it.each([
    [container, pod.spec.securityContext],
    [runtimeContainer, runtimeContainer.securityContext],
  ])('may do nothing that it does not need', (each, context) => {
    expect(each.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(context).toMatchObject({ runAsNonRoot: true, runAsUser: user, seccompProfile: { type: 'RuntimeDefault' } });
    expect(user).toBeGreaterThan(0);
    expect(each.volumeMounts.map(({ mountPath }: Manifest) => mountPath)).toContain('/tmp');
  });

  it('of compose is one by the Compose Specification, which a misspelt key is not', async () => {
    const file = await readYamlFile('deploy/compose.yaml');
    expect(schemas.composeErrorsOf(file)).toEqual([]);
    file.services.gateway.readonly = true;
    expect(schemas.composeErrorsOf(file).join()).toContain('readonly');
  });

  it('of compose is as closed, has time to drain, and knows its variables', () => {
    const { gateway } = services;
    expect(gateway).toMatchObject({ read_only: true, tmpfs: ['/tmp'], cap_drop: ['ALL'] });
    expect(gateway.security_opt).toContain('no-new-privileges:true');
    const env = Object.entries(gateway.environment).map(([name, value]) => ({ name, value: String(value) }));
    const { drain_delay_ms, drain_ms } = { ...defaults, ...settingsOfVariables(env) } as Record<string, number>;
    expect(Number.parseInt(gateway.stop_grace_period, 10)).toBeGreaterThanOrEqual(
      (drain_delay_ms! + drain_ms!) / 1000 + 10,
    );
  });

  it('runs the command with its port open and a health check that the app answers', () => {
    expect(dockerfile).toMatch(/^EXPOSE 8080$/m);
    expect(defaults.port).toBe(8080);
    expect(dockerfile).toMatch(/^CMD \["serve"\]$/m);
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m);
    expect(dockerfile).toContain(`/livez`);
  });
});
