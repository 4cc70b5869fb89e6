// Preloaded into a process and, through NODE_OPTIONS, into its lanes: says on stderr which of OpenTelemetry's packages are loaded,
// and where. Its API is left out: prom-client loads that by itself.
import Module from 'node:module';

const load = Module._load;
Module._load = function (request, ...rest) {
  if (/^@opentelemetry\/(?!api$)/.test(request))
    process.stderr.write(`${JSON.stringify({ msg: 'loads', request, main: process.argv[1] })}\n`);
  return load.call(this, request, ...rest);
};
process.stderr.write(`${JSON.stringify({ msg: 'watches what is loaded', main: process.argv[1] })}\n`);
