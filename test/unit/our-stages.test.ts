import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { loadCascade } from '../../src/cascade/loader.js';
import { withHalfWeights } from '../../src/cascade/onnx/half.js';
import { withByteInput } from '../../src/cascade/onnx/input.js';
import { countMacs, countRungMacs } from '../../src/cascade/onnx/macs.js';
import { readModel } from '../../src/cascade/onnx/model.js';
import { openGraph } from '../../src/cascade/onnx/session.js';
import { decode } from '../../src/lane/decode.js';
import { loadSessions } from '../../src/lane/loaded.js';
import { GRAPHS, MODELS } from '../support/gateway.js';
import { MACS_BY_PYTORCH } from '../support/macs-by-pytorch.js';
import { jpeg } from '../support/pictures.js';

const PICTURES = 100;

describe('the cifar10 cascade', async () => {
  const cascade = await loadCascade(`${MODELS}/cifar10/cascade.yaml`, 'cifar10');
  const { sessions } = await loadSessions(cascade, 1);

  it.each([
    ['slimnet/0.5@24', 'slimnet-0.5-24.onnx'],
    ['slimnet/1@32', 'slimnet-1.0-32.onnx'],
  ])('says in stages what the whole graph says: %s, 100 pictures', async (id, file) => {
    const index = cascade.rungs.findIndex((rung) => rung.id === id);
    const { resolution, stages } = cascade.rungs[index]!;
    const target = { resolution, kernel: cascade.input.kernel, maxPixels: 1e6 };
    const decoded = await Promise.all(
      Array.from({ length: PICTURES }, async (_, i) => decode(await jpeg(32 + (i % 40), 32 + (i % 25), 7 * i), target)),
    );
    const pixels = new Uint8Array(Buffer.concat(decoded));
    const image: Tensor = new Tensor('uint8', pixels, [PICTURES, resolution, resolution, 3]);
    // Imported with --half, as the stages were.
    const whole = await openGraph(withByteInput(withHalfWeights(await readModel(`${GRAPHS}/${file}`))), 'all');
    const expected = await whole.run({ image });
    const held = new Map([['image', image]]);
    for (const [exit, session] of sessions[index]!.entries()) {
      const out = await session.run(new Map(stages[exit]!.inputs.map((name) => [name, held.get(name)!])));
      for (const [name, tensor] of out.features) held.set(name, tensor);
      const [a, b] = [expected[`exit${exit + 1}`]!.data as Float32Array, out.logits.data as Float32Array];
      expect(b.length).toBe(PICTURES * 10);
      expect(b.reduce((worst, value, at) => Math.max(worst, Math.abs(value - a[at]!)), 0)).toBeLessThan(1e-4);
    }
    await whole.release();
  });
});

describe('our cascades', () => {
  it.each(['cifar10', 'photo200'] as const)(
    'cost what PyTorch counts, at every exit of every rung: %s',
    async (name) => {
      const { rungs } = await loadCascade(`${MODELS}/${name}/cascade.yaml`, name);
      const wanted = MACS_BY_PYTORCH[name];
      expect(rungs.map((rung) => rung.id).sort()).toEqual(Object.keys(wanted).sort());
      const counted = await countRungMacs(rungs);
      for (const [index, { id }] of rungs.entries()) {
        let sum = 0;
        for (const [exit, macs] of counted[index]!.map((stage) => (sum += stage)).entries())
          expect(Math.abs(macs / wanted[id]![exit]! - 1)).toBeLessThan(0.01);
      }
    },
  );

  it('cost as much cut as whole', async () => {
    const whole = await countMacs(await readModel(`${GRAPHS}/slimnet-1.0-32.onnx`), 32);
    expect(whole).toBe(MACS_BY_PYTORCH.cifar10['slimnet/1@32']![3]);
  });
});
