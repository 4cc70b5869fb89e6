/** A stage graph in ONNX Runtime as a lane opens it, for loops without a lane around them. */

import '../../src/no-telemetry.js';
import { InferenceSession } from 'onnxruntime-node';
import { exactBytes } from '../../src/cascade/onnx/exact-bytes.js';

export async function bareSession(file: string): Promise<InferenceSession> {
  return InferenceSession.create(file, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableCpuMemArena: false,
    extra: { session: { intra_op: { allow_spinning: '0' }, ...(await exactBytes()) } },
  });
}
