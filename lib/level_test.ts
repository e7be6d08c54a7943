import "./level.ts";
