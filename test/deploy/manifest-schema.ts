/** The schemas of the kinds in deploy/, as their makers publish them (make-schemas.ts): a key that they do not know is an error. */

import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';

export const DEFINITIONS = new URL('schemas.jsonl', import.meta.url);

/** By `apiVersion kind`. */
export const KINDS: Readonly<Record<string, string>> = {
  'v1 Namespace': 'io.k8s.api.core.v1.Namespace',
  'v1 ConfigMap': 'io.k8s.api.core.v1.ConfigMap',
  'v1 Service': 'io.k8s.api.core.v1.Service',
  'apps/v1 Deployment': 'io.k8s.api.apps.v1.Deployment',
  'autoscaling/v2 HorizontalPodAutoscaler': 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler',
  'policy/v1 PodDisruptionBudget': 'io.k8s.api.policy.v1.PodDisruptionBudget',
  'networking.k8s.io/v1 NetworkPolicy': 'io.k8s.api.networking.v1.NetworkPolicy',
  'monitoring.coreos.com/v1 PodMonitor': 'prometheus.IPodMonitor',
  'monitoring.coreos.com/v1 PrometheusRule': 'prometheus.IPrometheusRule',
  'keda.sh/v1alpha1 ScaledObject': 'keda.IScaledObject',
  'serving.kserve.io/v1alpha1 ServingRuntime': 'kserve.V1alpha1ServingRuntime',
  'serving.kserve.io/v1beta1 InferenceService': 'kserve.V1beta1InferenceService',
};

/** Of a compose file, which has no kind. */
export const COMPOSE = 'compose';

export class ManifestSchemas {
  readonly #ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: false });

  constructor() {
    const lines = readFileSync(DEFINITIONS, 'utf8').trim().split('\n');
    const definitions = lines.map((line) => JSON.parse(line) as { name: string; schema: object });
    const $defs = Object.fromEntries(definitions.map(({ name, schema }) => [name, schema]));
    this.#ajv.addSchema({ $id: 'deploy', $defs });
  }

  /** What is wrong, each with its place; empty: nothing. */
  errorsOf(manifest: { readonly apiVersion?: unknown; readonly kind?: unknown }): string[] {
    const kind = `${manifest.apiVersion} ${manifest.kind}`;
    const name = KINDS[kind];
    if (name === undefined) return [`no schema of ${kind}; there are: ${Object.keys(KINDS).join(', ')}`];
    return this.#errors(name, manifest);
  }

  composeErrorsOf(file: unknown): string[] {
    return this.#errors(COMPOSE, file);
  }

  #errors(name: string, value: unknown): string[] {
    const validate = this.#ajv.getSchema(`deploy#/$defs/${name}`)!;
    if (validate(value)) return [];
    return validate.errors!.map(
      ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}
