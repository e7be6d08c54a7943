import "./cli_maintenance.ts";
