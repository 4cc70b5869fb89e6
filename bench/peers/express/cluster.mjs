/** The same in node:cluster: a worker a core, one thread of ONNX Runtime each. */

import cluster from 'node:cluster';
import { serve } from './app.mjs';

if (cluster.isPrimary) for (let i = 0; i < Number(process.env.PEER_WORKERS); i++) cluster.fork();
else await serve({ intraOpNumThreads: 1, interOpNumThreads: 1 });
