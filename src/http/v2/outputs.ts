/** From answers to the output tensors of the Open Inference Protocol. Pure. */

import type { ClassifyResult } from '../../gateway/gateway.js';
import { stepsOf } from '../classify.js';
import { binaryOf } from './binary.js';
import { type InferRequest, type InferResponse, OUTPUTS, type OutputName, type ResponseOutput } from './schema.js';

type Value = string | number;

/** What is not given unless it is named: of use to few, and large. */
const ON_REQUEST: readonly OutputName[] = ['logits', 'steps'];

export interface WantedOutput {
  readonly name: OutputName;
  readonly binary: boolean;
}

/** @throws RangeError never: names were checked by the schema; one that stands twice is given once */
export function wantedOutputs({ outputs, parameters }: Pick<InferRequest, 'outputs' | 'parameters'>): WantedOutput[] {
  const all = parameters.binary_data_output;
  const named = outputs ?? [];
  const wanted = new Map(named.map(({ name, parameters: own }) => [name, own.binary_data ?? all]));
  if (named.length === 0) {
    for (const name of Object.keys(OUTPUTS) as OutputName[]) if (!ON_REQUEST.includes(name)) wanted.set(name, all);
  }
  return Array.from(wanted, ([name, binary]) => ({ name, binary }));
}

export interface Encoded {
  readonly outputs: ResponseOutput[];
  /** What follows the JSON. */
  readonly binary: readonly Buffer[];
}

/** @param results by picture; their logits and steps are there where they are wanted */
export function encodeOutputs(wanted: readonly WantedOutput[], results: readonly ClassifyResult[]): Encoded {
  const outputs: ResponseOutput[] = [];
  const buffers: Buffer[] = [];
  for (const { name, binary } of wanted) {
    const { datatype, perClass } = OUTPUTS[name];
    const rows = results.map((result) => valuesOf(name, result));
    const values = rows.flat();
    const tensor = { name, datatype, shape: perClass ? [rows.length, rows[0]!.length] : [rows.length] };
    if (binary) {
      const bytes = binaryOf(datatype, values);
      buffers.push(bytes);
      outputs.push({ ...tensor, parameters: { binary_data_size: bytes.length } });
    } else outputs.push({ ...tensor, data: datatype === 'FP32' ? values.map(shortFloat) : values });
  }
  return { outputs, binary: buffers };
}

/** Parameters hold no lists: values of several pictures stand in one string. */
export function responseParameters(results: readonly ClassifyResult[]): InferResponse['parameters'] {
  const { plan, fullMacs } = results[0]!;
  const each = (name: OutputName) => results.flatMap((result) => valuesOf(name, result)).join(',');
  return {
    policy: plan.policy,
    policy_version: plan.version,
    ...(plan.point === undefined ? {} : { point: plan.point }),
    exit: each('exit'),
    resolution: each('resolution'),
    macs: each('macs'),
    reason: each('reason'),
    full_macs: fullMacs,
  };
}

/** Of one picture. */
function valuesOf(name: OutputName, result: ClassifyResult): readonly Value[] {
  const { answer, cascade } = result;
  switch (name) {
    case 'label':
      return answer.top.map(({ index }) => cascade.labels[index]!.name);
    case 'index':
      return answer.top.map(({ index }) => index);
    case 'probability':
      return answer.top.map(({ probability }) => probability);
    case 'logits':
      return Array.from(answer.logits!);
    case 'exit':
      return [answer.exit];
    case 'resolution':
      return [cascade.rungs[answer.rung]!.resolution];
    case 'macs':
      return [answer.macs];
    case 'reason':
      return [answer.reason];
    case 'steps':
      return [JSON.stringify(stepsOf(result))];
  }
}

/** The digits that a float of 32 bits has, not those of its neighbour of 64. */
function shortFloat(value: Value): number {
  return Number(Number(value).toPrecision(9));
}
