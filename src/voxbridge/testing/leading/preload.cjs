// Leads a Node program to the simulated Discord: NODE_OPTIONS=--require loads this before the program.
// The program stays as it is. Only where a TLS connection begins, a host of Discord's becomes a port of this machine.
// VOXBRIDGE_HOSTS is the list, as JSON: {"discord.com": "127.0.0.1:41234", "*.discord.media": ...}.
"use strict";
const module_ = require("node:module");
const tls = require("node:tls");

const hosts = JSON.parse(process.env.VOXBRIDGE_HOSTS || "{}");
const connect = tls.connect;

tls.connect = function (...args) {
  const options = args[0];
  if (options && typeof options === "object" && !options.socket) {
    const name = String(options.host || options.servername || "");
    const target = hosts[name] || hosts["*." + name.split(".").slice(1).join(".")];
    if (target) {
      const [address, port] = target.split(":");
      args[0] = { ...options, host: address, port: Number(port), servername: options.servername || name };
    }
  }
  return connect.apply(this, args);
};
module_.syncBuiltinESMExports();
