import "./cli_command.ts";
