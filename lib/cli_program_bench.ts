import "./cli_program.ts";
