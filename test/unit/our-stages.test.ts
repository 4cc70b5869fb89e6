import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { loadCascade } from '../../src/cascade/loader.js';
import { withByteInput } from '../../src/cascade/onnx/input.js';
import { countMacs, countStageMacs } from '../../src/cascade/onnx/macs.js';
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
    const whole = await openGraph(withByteInput(await readModel(`${GRAPHS}/${file}`), {}), 'all');
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

  it('costs what PyTorch counts, at every exit of every rung', async () => {
    expect(cascade.rungs.map((rung) => rung.id).sort()).toEqual(Object.keys(MACS_BY_PYTORCH).sort());
    for (const rung of cascade.rungs) {
      const stages = await Promise.all(
        rung.stages.map(async ({ file, inputs }) => ({ model: await readModel(file), inputs })),
      );
      let sum = 0;
      const counted = (await countStageMacs(stages, [rung.resolution]))[0]!.map((macs) => (sum += macs));
      for (const [exit, macs] of counted.entries()) {
        expect(Math.abs(macs / MACS_BY_PYTORCH[rung.id]![exit]! - 1)).toBeLessThan(0.01);
      }
    }
    const whole = await countMacs(await readModel(`${GRAPHS}/slimnet-1.0-32.onnx`), 32);
    expect(whole).toBe(MACS_BY_PYTORCH['slimnet/1@32']![3]);
  });
});
