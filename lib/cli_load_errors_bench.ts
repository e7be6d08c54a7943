import "./cli_load_errors.ts";
