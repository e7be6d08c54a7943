import "./cli_read.ts";
