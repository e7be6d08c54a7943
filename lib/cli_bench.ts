import "./cli.ts";
