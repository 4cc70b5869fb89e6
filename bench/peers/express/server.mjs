/** Express, sharp and onnxruntime-node, as many write it: one process, everything at its defaults. */

import { serve } from './app.mjs';

await serve();
