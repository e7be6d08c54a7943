import "./telemetry.ts";
