import "./cli_entries.ts";
