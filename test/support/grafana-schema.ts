/** Grafana's schema of dashboards as JSON Schema, made of the types of its Foundation SDK: a key that Grafana does not know is an error. */

import { Ajv, type ValidateFunction } from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';
import { ROOT } from './gateway.js';
import type { Grafana } from './grafana-types.js';

type Part = Exclude<keyof Grafana, 'plugins'>;

export interface PanelJson {
  readonly id?: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly options?: object;
  readonly fieldConfig?: { readonly defaults: { readonly custom?: object } };
}

export interface DashboardJson {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly PanelJson[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: string }[];
  };
}

export class GrafanaSchema {
  readonly #ajv = new Ajv({ allErrors: true, strict: false });
  readonly #schema: object;

  constructor() {
    const [path, tsconfig] = [`${ROOT}test/support/grafana-types.ts`, `${ROOT}tsconfig.json`];
    const type = 'Grafana';
    this.#schema = createGenerator({
      path,
      tsconfig,
      type,
      skipTypeCheck: true,
      expose: 'none',
      topRef: false,
    }).createSchema(type);
    this.#ajv.addSchema(this.#schema, 'grafana');
  }

  /** What is wrong with a dashboard, each with its place; empty: nothing. */
  errorsOf({ panels, ...dashboard }: DashboardJson): string[] {
    return [
      ...this.#errors('dashboard', dashboard),
      ...panels.flatMap((panel) => this.#panelErrors(panel).map((error) => `panel "${panel.title}": ${error}`)),
    ];
  }

  #panelErrors({ targets = [], ...panel }: PanelJson): string[] {
    if (panel.type === 'row') return this.#errors('row', panel);
    const { options, fieldConfig } = panel;
    const custom = fieldConfig?.defaults.custom;
    return [
      ...this.#errors('panel', panel),
      ...targets.flatMap((target) => this.#errors('query', target)),
      ...this.#errors(`plugins/properties/${panel.type}/properties/options`, options),
      ...(custom === undefined ? [] : this.#errors(`plugins/properties/${panel.type}/properties/custom`, custom)),
    ];
  }

  #errors(part: Part | `plugins/properties/${string}`, value: unknown): string[] {
    const validate = this.#ajv.getSchema(`grafana#/properties/${part}`) as ValidateFunction | undefined;
    if (validate === undefined) return [`Grafana's schema has no ${part}`];
    if (validate(value)) return [];
    return validate.errors!.map(
      ({ instancePath, message, params }) => `${part}${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }
}
