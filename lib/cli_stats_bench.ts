import "./cli_stats.ts";
