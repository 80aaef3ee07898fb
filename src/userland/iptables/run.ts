/** Does what a command line of iptables(8) asks for, on tables that are read; whether they are written is the caller's affair. */

import type { IptRule } from "../../abi/iptables.ts";
import type { Proc } from "../../abi/sys.ts";
import type { Command } from "../libc/command.ts";
import { hostLines } from "../libc/netdb.ts";
import { type Names, ParameterProblem } from "./names.ts";
import type { IptRequest } from "./parse.ts";
import { headerText, lineText, type ListStyle, ruleText, verboseText } from "./show.ts";
import { IptFailure, type MutableChain, type TableHandle } from "./tables.ts";
import { targetExtensions } from "./targets.ts";

/** Whether the table has changed and wants to be written. Errors: IptFailure, ParameterProblem. */
export function* runRequest(c: Command, names: Names, table: TableHandle, request: IptRequest): Proc<boolean> {
  const chain = request.chain ?? "";
  for (const rule of request.rules.slice(0, 1)) checkTarget(table, rule);
  switch (request.command) {
    case "-A":
    case "-I":
    case "-R":
    case "-D":
    case "-C":
      return yield* changeRules(c, names, table, chain, request);
    case "-L":
      yield* list(c, names, table, request);
      if (request.zero) yield* zero(c, table, request);
      return request.zero;
    case "-S":
      yield* listRules(c, table, request);
      if (request.zero) yield* zero(c, table, request);
      return request.zero;
    case "-F":
      for (const each of chosen(table, request.chain)) {
        if (request.verbose > 0 && request.chain === undefined) yield* c.print(`Flushing chain \`${each.name}'\n`);
        each.rules = [];
      }
      return true;
    case "-Z":
      yield* zero(c, table, request);
      return true;
    case "-N":
      table.create(chain);
      return true;
    case "-X":
      yield* remove(c, table, request);
      return true;
    case "-E":
      table.rename(chain, request.argument);
      return true;
    case "-P":
      table.setPolicy(chain, request.argument, undefined);
      return true;
  }
}

/** What it jumps to is a chain or an extension. */
function checkTarget(table: TableHandle, { target: { name, goto } }: IptRule): void {
  const isChain = table.find(name) !== undefined;
  if (goto && !isChain) throw new ParameterProblem(`goto '${name}' is not a chain`);
  if (name !== "" && !isChain && !targetExtensions.some((each) => each.name === name)) {
    throw new ParameterProblem(`Couldn't load target \`${name}':No such file or directory\n`);
  }
}

function chosen(table: TableHandle, name: string | undefined): readonly MutableChain[] {
  return name === undefined ? table.chains : [table.require(name)];
}

function* changeRules(c: Command, names: Names, table: TableHandle, chain: string, request: IptRequest): Proc<boolean> {
  const { command, number = 1, rules, verbose } = request;
  if (command === "-D" && request.number !== undefined) {
    table.deleteAt(chain, request.number);
    return true;
  }
  for (const rule of rules) {
    if (verbose > 0) yield* c.print(verboseText(rule, names));
    if (command === "-A") table.append(chain, rule);
    else if (command === "-I") table.insert(chain, number, rule);
    else if (command === "-R") table.replace(chain, number, rule);
    else {
      const at = table.locate(chain, rule);
      if (command === "-D") table.deleteAt(chain, at + 1);
    }
  }
  return command !== "-C";
}

function* zero(c: Command, table: TableHandle, { chain, number, verbose, command }: IptRequest): Proc<void> {
  if (number !== undefined && chain !== undefined && command === "-Z") {
    const { rules } = table.require(chain);
    const rule = rules[number - 1];
    if (rule === undefined) throw new IptFailure("Index of counter too big");
    rules[number - 1] = { ...rule, packets: 0, bytes: 0 };
    return;
  }
  for (const each of chosen(table, chain)) {
    if (verbose > 0) yield* c.print(`Zeroing chain \`${each.name}'\n`);
    table.zero(each);
  }
}

function* remove(c: Command, table: TableHandle, { chain, verbose }: IptRequest): Proc<void> {
  if (chain !== undefined) {
    table.remove(chain);
    return;
  }
  for (const each of table.chains.filter(({ policy }) => policy === undefined)) {
    if (verbose > 0) yield* c.print(`Deleting chain \`${each.name}'\n`);
    table.remove(each.name);
  }
}

function* list(c: Command, names: Names, table: TableHandle, request: IptRequest): Proc<void> {
  const hosts = new Map<number, string>();
  // Differs from Linux: only /etc/hosts is asked for names, not DNS.
  if (!request.numeric)
    for (const { address, names: known } of yield* hostLines(c.sys)) if (address.family === 2) hosts.set(address.addr, known[0] ?? "");
  const { numeric, exact, lineNumbers, number } = request;
  const style: ListStyle = { numeric, exact, lineNumbers, verbose: request.verbose > 0, names, hosts };
  let first = true;
  for (const chain of chosen(table, request.chain)) {
    if (!first) yield* c.print("\n");
    first = false;
    if (number === undefined) yield* c.print(headerText(table, chain, style));
    for (const [i, rule] of chain.rules.entries())
      if (number === undefined || number === i + 1) yield* c.print(lineText(rule, i + 1, style));
  }
}

function* listRules(c: Command, table: TableHandle, { chain, number, verbose }: IptRequest): Proc<void> {
  const chains = chosen(table, chain);
  const counters = verbose > 0;
  if (number === undefined) {
    for (const each of chains) {
      if (each.policy === undefined) yield* c.print(`-N ${each.name}\n`);
      else yield* c.print(`-P ${each.name} ${each.policy}${counters ? ` -c ${each.packets} ${each.bytes}` : ""}\n`);
    }
  }
  for (const each of chains) {
    for (const [i, rule] of each.rules.entries()) {
      if (number === undefined || number === i + 1) yield* c.print(`${ruleText(each.name, rule, counters)}\n`);
    }
  }
}
