import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { printed, refusal, sluice } from '../support/cli.js';
import { GRAPHS, startGateway } from '../support/gateway.js';
import { GraphBuilder, skipNet } from '../support/graphs.js';
import { MACS_BY_PYTORCH } from '../support/macs-by-pytorch.js';

/** Of skipNet, by hand: the convolutions and the linear layers, per exit. */
const SKIP_NET_MACS = {
  16: 16 * 16 * 8 * 27 + (4 * 4 * 16 * 8 + 16 * 5) + (8 * 8 * 12 * 72 + 12 * 5) + (4 * 4 * 16 * 108 + 16 * 5),
  32: 32 * 32 * 8 * 27 + (8 * 8 * 16 * 8 + 16 * 5) + (16 * 16 * 12 * 72 + 12 * 5) + (8 * 8 * 16 * 108 + 16 * 5),
};

interface Rung {
  id: string;
  exits: { exit: number; macs: number; stage_macs: number; parameter_bytes: number }[];
}

let folder: string;
let graph: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-inspect-'));
  graph = join(folder, 'skip.onnx');
  await writeFile(graph, skipNet().bytes());
});
afterAll(() => rm(folder, { recursive: true }));

describe('inspecting a cascade', async () => {
  const report = JSON.parse(printed(await sluice(['inspect', 'cifar10', '--json'])));
  const rungs = report.rungs as Rung[];

  it('gives the MACs of each exit, cumulative, and of each stage', () => {
    for (const { exits } of rungs) {
      let sum = 0;
      for (const [index, { exit, macs, stage_macs, parameter_bytes }] of exits.entries()) {
        sum += stage_macs;
        expect({ exit, macs }).toEqual({ exit: index + 1, macs: sum });
        expect(Math.min(stage_macs, parameter_bytes)).toBeGreaterThan(0);
      }
    }
    expect(report.full_macs).toBe(rungs.at(-1)!.exits.at(-1)!.macs);
  });

  it('gives the MACs that PyTorch counts', () => {
    expect(rungs.map(({ id }) => id).sort()).toEqual(Object.keys(MACS_BY_PYTORCH.cifar10).sort());
    for (const { id, exits } of rungs) {
      for (const { exit, macs } of exits) {
        expect(Math.abs(macs / MACS_BY_PYTORCH.cifar10[id]![exit - 1]! - 1)).toBeLessThan(0.01);
      }
    }
  });

  it('gives the MACs that GET /v1/cascades/NAME gives', async () => {
    const { app, gateway } = await startGateway({ lanes: 1 });
    const { body } = await request(app).get('/v1/cascades/cifar10');
    await gateway.close();
    expect(body.full_macs).toBe(report.full_macs);
    const served = body.rungs as (Omit<Rung, 'id'> & { backbone: string; width: number; resolution: number })[];
    const macsOf = ({ exits }: Pick<Rung, 'exits'>) => exits.map(({ macs }) => macs);
    expect(served.map((rung) => [`${rung.backbone}/${rung.width}@${rung.resolution}`, macsOf(rung)])).toEqual(
      rungs.map((rung) => [rung.id, macsOf(rung)]),
    );
  });

  it('prints a line for each exit without --json', async () => {
    const text = printed(await sluice(['inspect', 'cifar10']));
    expect(text).toContain(`full network ${(report.full_macs / 1e6).toFixed(2)} million MACs`);
    for (const { id, exits } of rungs) {
      for (const { exit, macs } of exits) {
        expect(text).toMatch(new RegExp(`^  ${id} +exit ${exit} +${(macs / 1e6).toFixed(2)} million MACs`, 'm'));
      }
    }
  });

  it('is refused for a name that is no cascade, with those that are', async () => {
    const sentence = refusal(await sluice(['inspect', 'cifar11']), 2);
    expect(sentence).toContain('"cifar11"');
    expect(sentence).toMatch(/there are: .*\bcifar10\b/);
    expect(refusal(await sluice(['inspect', 'cifar10', '--models', join(folder, 'nowhere')]), 1)).toContain('ENOENT');
  });
});

describe('inspecting an ONNX file', () => {
  it.each([16, 32] as const)('gives its inputs, outputs and its MACs at that resolution: %i', async (resolution) => {
    const run = await sluice(['inspect', graph, '--resolution', `${resolution}`, '--json']);
    expect(JSON.parse(printed(run))).toMatchObject({
      file: graph,
      inputs: [{ name: 'image', dims: ['n', 3, 'h', 'w'] }],
      outputs: ['exit1', 'exit2', 'exit3'],
      resolution,
      macs: SKIP_NET_MACS[resolution],
    });
  });

  it('agrees with the cascade that was cut from it', async () => {
    const run = await sluice(['inspect', `${GRAPHS}/slimnet-1.0-32.onnx`, '--resolution', '32']);
    const macs = MACS_BY_PYTORCH.cifar10['slimnet/1@32']!.at(-1)!;
    expect(printed(run)).toContain(`${(macs / 1e6).toFixed(2)} million MACs at 32 px`);
  });

  it.each([
    ['that does not exist', 'missing.onnx', undefined, /cannot be read: ENOENT/],
    ['that is text', 'text.onnx', Buffer.from('hello'), /is not an ONNX model/],
    ['that is cut short', 'short.onnx', skipNet().bytes().subarray(0, 500), /is not an ONNX model, or is cut short/],
    [
      'for another resolution',
      'fixed.onnx',
      new GraphBuilder().input('x', ['n', 3, 24, 24]).head('x', 'y', 3, 2).bytes(),
      /: x: is fixed to 24 x 24 pixels; asked for 32/,
    ],
  ])('names a file %s', async (_, name, bytes, reason) => {
    const file = join(folder, name);
    if (bytes !== undefined) await writeFile(file, bytes);
    const sentence = refusal(await sluice(['inspect', file, '--resolution', '32']), 1);
    expect(sentence.startsWith(`sluice: ${file}: `)).toBe(true);
    expect(sentence).toMatch(reason);
  });
});
