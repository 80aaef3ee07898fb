/** Rules as text: `-S` and iptables-save, `-L`. `iptables/iptables.c: print_rule4, print_firewall, print_header`. */

import type { IptAddressMatch, IptRule } from "../../abi/iptables.ts";
import { formatIpv4, prefixMask } from "../../abi/inet.ts";
import { OptionSet, type ShowStyle } from "./extension.ts";
import { matchExtensions, saveOptions } from "./matches.ts";
import { type Names, protocolName } from "./names.ts";
import type { MutableChain, TableHandle } from "./tables.ts";
import { saveTarget, targetExtensions } from "./targets.ts";

function maskText(mask: number): string {
  for (let length = 0; length <= 32; length++) if (prefixMask(length) === mask) return String(length);
  return formatIpv4(mask);
}

const not = (invert: boolean): string => (invert ? " !" : "");

/** `-A CHAIN …`, with counters as `-v` wants them. */
export function ruleText(chain: string, rule: IptRule, counters: boolean): string {
  let text = `-A ${chain}`;
  const address = (letter: string, match: IptAddressMatch | undefined): void => {
    if (match !== undefined) text += `${not(match.invert)} -${letter} ${formatIpv4(match.addr)}/${maskText(match.mask)}`;
  };
  const { src, dst, protocol, inInterface, outInterface, fragment, matches, target } = rule;
  address("s", src);
  address("d", dst);
  if (inInterface !== undefined) text += `${not(inInterface.invert)} -i ${inInterface.name}`;
  if (outInterface !== undefined) text += `${not(outInterface.invert)} -o ${outInterface.name}`;
  if (protocol !== undefined) text += `${not(protocol.invert)} -p ${protocolName(protocol.number) ?? protocol.number}`;
  if (fragment !== undefined) text += `${not(fragment.invert)} -f`;
  for (const { name, options } of matches) {
    const extension = matchExtensions.find((each) => each.name === name);
    text += ` -m ${name}${extension === undefined ? "" : saveOptions(extension, options)}`;
  }
  if (counters) text += ` -c ${rule.packets} ${rule.bytes}`;
  if (target.name !== "") {
    text += ` ${target.goto ? "-g" : "-j"} ${target.name}`;
    const extension = targetExtensions.find((each) => each.name === target.name);
    if (extension !== undefined) text += saveTarget(extension, new OptionSet(target.options));
  }
  return text;
}

export interface ListStyle {
  readonly numeric: boolean;
  readonly verbose: boolean;
  readonly exact: boolean;
  readonly lineNumbers: boolean;
  readonly names: Names;
  /** Names of addresses in /etc/hosts. */
  readonly hosts: ReadonlyMap<number, string>;
}

/** xtables_print_num(). */
function count(value: number, { exact }: ListStyle): string {
  if (exact) return `${String(value).padStart(8)} `;
  if (value <= 99_999) return `${String(value).padStart(5)} `;
  let rest = value;
  for (const unit of ["K", "M", "G"]) {
    rest = Math.floor((rest + 500) / 1000);
    if (rest <= 9999) return `${String(rest).padStart(4)}${unit} `;
  }
  return `${String(Math.floor((rest + 500) / 1000)).padStart(4)}T `;
}

export function headerText(table: TableHandle, chain: MutableChain, style: ListStyle): string {
  const counters = style.verbose ? ` ${count(chain.packets, style).trim()} packets, ${count(chain.bytes, style).trim()} bytes` : "";
  const about = chain.policy === undefined ? `${table.references(chain.name)} references` : `policy ${chain.policy}${counters}`;
  let text = `Chain ${chain.name} (${about})\n`;
  if (style.lineNumbers) text += "num  ";
  if (style.verbose) text += style.exact ? "    pkts      bytes " : " pkts bytes ";
  text += `${"target".padEnd(9)}  prot opt`;
  if (style.verbose) text += ` ${"in".padEnd(6)} ${"out".padEnd(6)} `;
  return `${text} ${"source".padEnd(19)}  ${"destination".padEnd(19)} \n`;
}

function addressText(match: IptAddressMatch | undefined, { numeric, hosts }: ListStyle): string {
  const bare = match === undefined || (match.mask === 0 && !match.invert);
  if (bare) return ` ${(numeric ? "0.0.0.0/0" : "anywhere").padEnd(19)} `;
  const mask = match.mask === 0xffff_ffff ? "" : `/${maskText(match.mask)}`;
  const name = numeric ? undefined : hosts.get(match.addr);
  return `${match.invert ? "!" : " "}${`${name ?? formatIpv4(match.addr)}${mask}`.padEnd(19)} `;
}

const interfaceName = (match: IptRule["inInterface"], any: string): string =>
  match === undefined ? any : `${match.invert ? "!" : ""}${match.name}`;

function extensionsText({ protocol, matches, target }: IptRule, numeric: boolean, names: Names): string {
  const style: ShowStyle = { numeric, names, protocol: protocolName(protocol?.number ?? 0) ?? "tcp" };
  let text = target.goto ? "[goto] " : "";
  for (const { name, options } of matches)
    text += matchExtensions.find((each) => each.name === name)?.show(new OptionSet(options), style) ?? "";
  return text + (targetExtensions.find((each) => each.name === target.name)?.show(new OptionSet(target.options), style) ?? "");
}

/** A line of `-L`. */
export function lineText(rule: IptRule, number: number, style: ListStyle): string {
  const { numeric, verbose, names } = style;
  const { protocol, fragment } = rule;
  let text = style.lineNumbers ? `${String(number).padEnd(4)} ` : "";
  if (verbose) text += count(rule.packets, style) + count(rule.bytes, style);
  const proto = protocol?.number ?? 0;
  const shown = targetExtensions.find((each) => each.name === rule.target.name)?.shownAs ?? rule.target.name;
  text += `${shown.padEnd(9)} ${protocol?.invert === true ? "!" : " "}${(numeric ? String(proto) : (protocolName(proto) ?? String(proto))).padEnd(4)} `;
  text += `${fragment?.invert === true ? "!" : "-"}${fragment === undefined ? "-" : "f"} `;
  if (verbose) {
    const any = numeric ? "*" : "any";
    text += ` ${interfaceName(rule.inInterface, any).padEnd(6)} ${interfaceName(rule.outInterface, any).padEnd(6)} `;
  }
  return `${text}${addressText(rule.src, style)}${addressText(rule.dst, style)}${extensionsText(rule, numeric, names)}\n`;
}

/** What `-v` says of a rule that is added or taken away. */
export function verboseText(rule: IptRule, names: Names): string {
  const { target, protocol, fragment, src, dst } = rule;
  const address = (match: IptAddressMatch | undefined): string =>
    match === undefined
      ? " 0.0.0.0/0"
      : `${match.invert ? "!" : " "}${formatIpv4(match.addr)}${match.mask === 0xffff_ffff ? "" : `/${maskText(match.mask)}`}`;
  const proto = protocol?.number ?? 0;
  const start = `${target.name} ${protocol?.invert === true ? "!" : " "}${protocolName(proto) ?? proto} opt ${fragment?.invert === true ? "!" : "-"}${fragment === undefined ? "-" : "f"}`;
  const faces = `in ${interfaceName(rule.inInterface, "*")} out ${interfaceName(rule.outInterface, "*")}`;
  const to = address(dst);
  return `${start} ${faces} ${address(src)} ${to[0]}-> ${to.slice(1)}  ${extensionsText(rule, true, names)}\n`;
}
