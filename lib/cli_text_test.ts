import "./cli_text.ts";
