import "./cli_benchmark.ts";
