import "./cli_process.ts";
