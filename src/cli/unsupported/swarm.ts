/** `docker swarm`: known by name, and refused: there is no such thing as swarm mode here. */

import { exactly, noArgs, type Group } from "../command.ts";
import { bool, duration, int, list, string, uint, uint32 } from "../flags.ts";
import { refused } from "./refused.ts";

export const swarm: Group = {
  name: "swarm",
  short: "Manage the swarm",
  topic: "swarm",
  commands: [
    refused("swarm mode", {
      use: "ca [OPTIONS]",
      short: "Show the root CA, or make a new one",
      args: noArgs,
      flags: {
        "ca-cert": list("File with the CA's certificate", { type: "pem-file" }),
        "ca-key": list("File with the CA's key", { type: "pem-file" }),
        "cert-expiry": duration("How long certificates of nodes are valid (ns|us|ms|s|m|h)", { shown: "2160h0m0s" }),
        detach: bool("Do not wait for the service to settle", { short: "d" }),
        "external-ca": list("Other places that sign certificates", { type: "external-ca" }),
        quiet: bool("Print less", { short: "q" }),
        rotate: bool("Make new ones"),
      },
    }),
    refused("swarm mode", {
      use: "init [OPTIONS]",
      short: "Begin a swarm",
      args: noArgs,
      flags: {
        "advertise-addr": string("Address that other nodes reach this one at (<ip|interface>[:port])"),
        autolock: bool("Lock managers with a key"),
        availability: string('Availability of the node ("active", "pause", "drain")', { default: "active" }),
        "cert-expiry": duration("How long certificates of nodes are valid (ns|us|ms|s|m|h)", { shown: "2160h0m0s" }),
        "data-path-addr": string("Address for data between containers (<ip|interface>)"),
        "data-path-port": uint32("Port for data between containers, 1024 to 49151; 0 for the usual one"),
        "default-addr-pool": list("Address pool of networks in CIDR form", { shown: "[]", type: "ipNetSlice" }),
        "default-addr-pool-mask-length": uint32("Prefix length of subnets of the pool", { default: 24 }),
        "dispatcher-heartbeat": duration("Time between signs of life of nodes (ns|us|ms|s|m|h)", { shown: "5s" }),
        "external-ca": list("Other places that sign certificates", { type: "external-ca" }),
        "force-new-cluster": bool("Make a new cluster of the present state"),
        "listen-addr": list("Address to listen on (<ip|interface>[:port])", { shown: "0.0.0.0:2377", type: "node-addr" }),
        "max-snapshots": uint("Old Raft snapshots to keep"),
        "snapshot-interval": uint("Log entries between Raft snapshots", { default: 10000 }),
        "task-history-limit": int("Old tasks to remember", { default: 5 }),
      },
    }),
    refused("swarm mode", {
      use: "join [OPTIONS] HOST:PORT",
      short: "Join a swarm",
      args: exactly(1),
      flags: {
        "advertise-addr": string("Address that other nodes reach this one at (<ip|interface>[:port])"),
        availability: string('Availability of the node ("active", "pause", "drain")', { default: "active" }),
        "data-path-addr": string("Address for data between containers (<ip|interface>)"),
        "listen-addr": list("Address to listen on (<ip|interface>[:port])", { shown: "0.0.0.0:2377", type: "node-addr" }),
        token: string("Token to join with"),
      },
    }),
    refused("swarm mode", {
      use: "join-token [OPTIONS] (worker|manager)",
      short: "Manage the tokens to join with",
      args: exactly(1),
      flags: {
        quiet: bool("Print less", { short: "q" }),
        rotate: bool("Make new ones"),
      },
    }),
    refused("swarm mode", {
      use: "leave [OPTIONS]",
      short: "Leave the swarm",
      args: noArgs,
      flags: {
        force: bool("Go on in spite of doubts", { short: "f" }),
      },
    }),
    refused("swarm mode", {
      use: "unlock",
      short: "Unlock the swarm",
      args: noArgs,
      flags: {},
    }),
    refused("swarm mode", {
      use: "unlock-key [OPTIONS]",
      short: "Manage the key that unlocks",
      args: noArgs,
      flags: {
        quiet: bool("Print less", { short: "q" }),
        rotate: bool("Make new ones"),
      },
    }),
    refused("swarm mode", {
      use: "update [OPTIONS]",
      short: "Change the swarm",
      args: noArgs,
      flags: {
        autolock: bool("Lock managers with a key"),
        "cert-expiry": duration("How long certificates of nodes are valid (ns|us|ms|s|m|h)", { shown: "2160h0m0s" }),
        "dispatcher-heartbeat": duration("Time between signs of life of nodes (ns|us|ms|s|m|h)", { shown: "5s" }),
        "external-ca": list("Other places that sign certificates", { type: "external-ca" }),
        "max-snapshots": uint("Old Raft snapshots to keep"),
        "snapshot-interval": uint("Log entries between Raft snapshots", { default: 10000 }),
        "task-history-limit": int("Old tasks to remember", { default: 5 }),
      },
    }),
  ],
};
