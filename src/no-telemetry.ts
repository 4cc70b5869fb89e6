/**
 * ONNX Runtime's own packages report to their maker from version 1.29 on, and keep an identifier in the home folder. A gateway in somebody's
 * network does not, unless its operator says so: imported by the two files that make sessions; the runtime looks when it makes its first.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
