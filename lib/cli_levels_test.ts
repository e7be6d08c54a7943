import "./cli_levels.ts";
