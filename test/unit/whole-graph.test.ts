import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { LOGITS, wholeGraph } from '../../bench/support/whole-graph.js';
import { loadCascade } from '../../src/cascade/loader.js';
import { countMacs, countRungMacs } from '../../src/cascade/onnx/macs.js';
import { openGraph } from '../../src/cascade/onnx/session.js';
import { decode } from '../../src/lane/decode.js';
import { loadSessions } from '../../src/lane/loaded.js';
import { MODELS } from '../support/gateway.js';
import { jpeg } from '../support/pictures.js';

const PICTURES = 4;

describe('the graph that other servers get', async () => {
  const cascade = await loadCascade(`${MODELS}/photo200/cascade.yaml`, 'photo200');
  const { sessions } = await loadSessions(cascade, 1);
  const macs = await countRungMacs(cascade.rungs);
  const rung = cascade.rungs.at(-1)!;
  const whole = await wholeGraph(cascade, rung);

  it('says what the stages of the last rung say at their last exit', async () => {
    const side = rung.resolution;
    const target = { resolution: side, kernel: cascade.input.kernel, maxPixels: 1e6 };
    const decoded = await Promise.all(
      Array.from({ length: PICTURES }, async (_, i) => decode(await jpeg(300 + 40 * i, 260, 7 * i), target)),
    );
    const pixels = new Uint8Array(Buffer.concat(decoded));
    const image: Tensor = new Tensor('uint8', pixels, [PICTURES, side, side, 3]);
    const graph = await openGraph(whole, 'all');
    const expected = (await graph.run({ [cascade.input.tensor]: image }))[LOGITS]!.data as Float32Array;
    await graph.release();
    const held = new Map([[cascade.input.tensor, image]]);
    let logits = new Float32Array();
    for (const [exit, session] of sessions.at(-1)!.entries()) {
      const out = await session.run(new Map(rung.stages[exit]!.inputs.map((name) => [name, held.get(name)!])));
      for (const [name, tensor] of out.features) held.set(name, tensor);
      logits = out.logits.data as Float32Array<ArrayBuffer>;
    }
    expect(logits.length).toBe(PICTURES * cascade.labels.length);
    expect(logits.reduce((worst, value, at) => Math.max(worst, Math.abs(value - expected[at]!)), 0)).toBeLessThan(1e-4);
  });

  it('has one output, and costs no more than the stages, as it has no heads of earlier exits', async () => {
    const staged = macs.at(-1)!.reduce((sum, each) => sum + each, 0);
    expect(whole.outputs.map(({ name }) => name)).toEqual([LOGITS]);
    expect(await countMacs(whole, rung.resolution)).toBeLessThan(staged);
    expect(await countMacs(whole, rung.resolution)).toBeGreaterThan(0.8 * staged);
  });
});
