/**
 * ONNX Runtime's own packages report to their maker from version 1.29 on, and keep an identifier in the home folder. A gateway in somebody's
 * network does not, unless its operator says so: imported before anything that loads the runtime, and inherited by the lanes.
 */
process.env.ORT_DISABLE_TELEMETRY ??= '1';
