import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import proto from 'onnx-proto';
import { Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { imageInput } from '../../src/cascade/onnx/image.js';
import { withByteInput } from '../../src/cascade/onnx/input.js';
import { decodeModel, readModel } from '../../src/cascade/onnx/model.js';
import { openGraph } from '../../src/cascade/onnx/session.js';
import { tensorShapes } from '../../src/cascade/onnx/shapes.js';
import { ConfigError } from '../../src/errors.js';
import { GraphBuilder, skipNet } from '../support/graphs.js';

describe('an ONNX file', () => {
  it('is refused with its name when it is missing, no ONNX, or cut short', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'sluice-')), 'net.onnx');
    await expect(readModel(file)).rejects.toThrow(`${file}: cannot be read: ENOENT`);
    const whole = skipNet().bytes();
    for (const bytes of [
      Buffer.from('GIF89a, surely'),
      Buffer.alloc(0),
      whole.slice(0, whole.length / 2),
      whole.slice(0, -3),
    ]) {
      await writeFile(file, bytes);
      await expect(readModel(file)).rejects.toThrow(ConfigError);
      await expect(readModel(file)).rejects.toThrow('is not an ONNX model, or is cut short');
    }
  });

  it('is refused when its weights lie elsewhere', () => {
    const message = proto.onnx.ModelProto.decode(skipNet().bytes());
    message.graph!.initializer![0]!.dataLocation = 1;
    const bytes = proto.onnx.ModelProto.encode(message).finish();
    expect(() => decodeModel(bytes, 'net.onnx')).toThrow('net.onnx: c1.w: weights lie outside of the file');
  });

  it('is refused without outputs', () => {
    expect(() => new GraphBuilder().image().node('Relu', ['image'], 'y').model()).toThrow('test.onnx: has no outputs');
  });
});

describe('the image input', () => {
  it.each([
    [[1, 3, 'h', 'w'], 1, 'batch size is fixed to 1'],
    [['n', 4, 'h', 'w'], 1, 'allowed: [n, 3, h, w] float32 or [n, h, w, 3] uint8'],
    [['n', 3, 'h', 'w'], 2, 'allowed: [n, 3, h, w] float32'],
  ] as const)('%j of type %i is refused', (dims, type, reason) => {
    const model = new GraphBuilder().input('x', dims, type).node('Relu', ['x'], 'y').output('y').model();
    expect(() => imageInput(model)).toThrow(reason);
  });

  it('must be the only one', () => {
    const model = new GraphBuilder().image('a').image('b').node('Add', ['a', 'b'], 'y').output('y').model();
    expect(() => imageInput(model)).toThrow('has 2 inputs (a, b)');
  });

  it('with a fixed side takes that side only', async () => {
    const model = new GraphBuilder().input('x', ['n', 3, 8, 8]).node('Relu', ['x'], 'y').output('y').model();
    expect((await tensorShapes(model, 8)).get('y')).toEqual({ dims: [1, 3, 8, 8], type: 'float32', batched: true });
    await expect(tensorShapes(model, 16)).rejects.toThrow('x: is fixed to 8 x 8 pixels; asked for 16');
  });

  it('takes bytes once the normalisation is in front', async () => {
    for (const name of ['x', 'image']) {
      const plain = new GraphBuilder().image(name).node('Neg', [name], 'y').output('y').model();
      const graph = await openGraph(withByteInput(plain, { mean: [10, 20, 30], std: [2, 4, 5] }), 'all');
      const { y } = await graph.run({
        image: new Tensor('uint8', Uint8Array.of(12, 24, 35, 10, 16, 25), [1, 1, 2, 3]),
      });
      await graph.release();
      expect(y!.dims).toEqual([1, 3, 1, 2]);
      expect([...(y!.data as Float32Array)]).toEqual([-1, -0, -1, 1, -1, 1]);
    }
  });
});
