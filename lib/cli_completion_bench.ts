import "./cli_completion.ts";
