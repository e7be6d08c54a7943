import "./cli_write.ts";
