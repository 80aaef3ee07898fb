/** The help of iptables(8). */

export const IPTABLES_HELP = `iptables v1.8.9 (legacy)

Usage: iptables -[ACD] chain rule-specification [options]
       iptables -I chain [rulenum] rule-specification [options]
       iptables -R chain rulenum rule-specification [options]
       iptables -D chain rulenum [options]
       iptables -[LS] [chain [rulenum]] [options]
       iptables -[FZ] [chain] [options]
       iptables -[NX] chain
       iptables -E old-chain-name new-chain-name
       iptables -P chain target [options]
       iptables -h (print this help information)

Commands, each with its long name:
  -A --append chain             a rule at the end of a chain
  -C --check chain              whether a rule is there
  -D --delete chain [number]    away with a rule, by itself or by its number
  -I --insert chain [number]    a rule before others (before the first)
  -R --replace chain number     a rule in the place of another
  -L --list [chain [number]]    shows rules
  -S --list-rules [chain [number]]  shows rules as commands
  -F --flush [chain]            away with all rules
  -Z --zero [chain [number]]    counters to zero
  -N --new chain                a chain of one's own
  -X --delete-chain [chain]     away with it
  -P --policy chain target      what happens at the end of a built-in chain
  -E --rename-chain old new     another name

Options; those with [!] can be turned round by a ! before them:
[!] -p --protocol proto         by name or number
[!] -s --source address[/mask][,...]
[!] -d --destination address[/mask][,...]
[!] -i --in-interface name[+]
[!] -o --out-interface name[+]
[!] -f --fragment               second and later fragments only
  -j --jump target              what to do: a chain or ACCEPT DROP RETURN REJECT LOG MARK
                                DNAT SNAT MASQUERADE REDIRECT
  -g --goto chain               as a jump that does not come back
  -m --match match              tcp udp icmp conntrack state addrtype comment multiport mark
                                limit owner statistic
  -t --table table              filter (unless given), nat, mangle or raw
  -n --numeric                  addresses and ports as numbers
  -v --verbose
  -x --exact                    counters in full
  -w --wait [seconds]           for the lock
     --line-numbers
  -c --set-counters packets bytes
  -V --version
`;
