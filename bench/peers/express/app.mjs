import express from 'express';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';

const { PEER_GRAPH, PEER_INPUT, PEER_LAYOUT, PEER_PORT, PEER_SCALE, PEER_SIDE } = process.env;
const side = Number(PEER_SIDE);

/** @param {import('onnxruntime-node').InferenceSession.SessionOptions} options */
export async function serve(options = {}) {
  const session = await InferenceSession.create(PEER_GRAPH, options);
  const app = express();
  app.post('/classify', express.raw({ type: 'image/*', limit: '20mb' }), async (request, response) => {
    const image = await sharp(request.body)
      .autoOrient()
      .resize(side, side, { fit: 'cover', kernel: 'cubic' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer();
    const { logits } = await session.run({ [PEER_INPUT]: tensorOf(image) });
    response.json({ index: logits.data.indexOf(Math.max(...logits.data)) });
  });
  app.get('/health', (_, response) => response.json({}));
  app.listen(Number(PEER_PORT), '127.0.0.1');
}

function tensorOf(image) {
  if (PEER_LAYOUT === 'nhwc-uint8') return new Tensor('uint8', image, [1, side, side, 3]);
  const plane = side * side;
  const planes = Float32Array.from(
    { length: 3 * plane },
    (_, at) => image[(at % plane) * 3 + Math.floor(at / plane)] / PEER_SCALE,
  );
  return new Tensor('float32', planes, [1, 3, side, side]);
}
