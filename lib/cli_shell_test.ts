import "./cli_shell.ts";
