/** /etc/services and /etc/protocols: the entries of Debian's netbase that the machine's programs may meet. Left out: the hundreds of others. */

const serviceRows =
  "tcpmux 1/tcp|echo 7/tcp|echo 7/udp|discard 9/tcp sink null|discard 9/udp sink null|systat 11/tcp users|daytime 13/tcp|daytime 13/udp|" +
  "netstat 15/tcp|qotd 17/tcp quote|chargen 19/tcp ttytst source|chargen 19/udp ttytst source|ftp-data 20/tcp|ftp 21/tcp|ssh 22/tcp|telnet 23/tcp|smtp 25/tcp mail|" +
  "time 37/tcp timserver|time 37/udp timserver|whois 43/tcp nicname|domain 53/tcp|domain 53/udp|bootps 67/udp|bootpc 68/udp|tftp 69/udp|gopher 70/tcp|" +
  "finger 79/tcp|http 80/tcp www|kerberos 88/tcp kerberos5 krb5 kerberos-sec|kerberos 88/udp kerberos5 krb5 kerberos-sec|pop3 110/tcp pop-3|" +
  "sunrpc 111/tcp portmapper|sunrpc 111/udp portmapper|auth 113/tcp authentication tap ident|nntp 119/tcp readnews untp|ntp 123/udp|" +
  "netbios-ns 137/udp|netbios-dgm 138/udp|netbios-ssn 139/tcp|imap2 143/tcp imap|snmp 161/tcp|snmp 161/udp|snmp-trap 162/udp snmptrap|" +
  "bgp 179/tcp|irc 194/tcp|ldap 389/tcp|https 443/tcp|https 443/udp|microsoft-ds 445/tcp|syslog 514/udp|shell 514/tcp cmd syslog|" +
  "printer 515/tcp spooler|submission 587/tcp|ldaps 636/tcp|domain-s 853/tcp|rsync 873/tcp|imaps 993/tcp|pop3s 995/tcp|" +
  "ms-sql-s 1433/tcp|nfs 2049/tcp|nfs 2049/udp|mysql 3306/tcp|ms-wbt-server 3389/tcp|svn 3690/tcp subversion|postgresql 5432/tcp postgres|" +
  "amqp 5672/tcp|mdns 5353/udp|redis 6379/tcp|http-alt 8080/tcp webcache|http-alt 8080/udp|git 9418/tcp|zabbix-agent 10050/tcp|mongodb 27017/tcp";

const protocolRows =
  "ip 0 IP|hopopt 0 HOPOPT|icmp 1 ICMP|igmp 2 IGMP|ggp 3 GGP|ipencap 4 IP-ENCAP|st 5 ST|tcp 6 TCP|egp 8 EGP|igp 9 IGP|pup 12 PUP|udp 17 UDP|" +
  "hmp 20 HMP|dccp 33 DCCP|ipv6 41 IPv6|ipv6-route 43 IPv6-Route|ipv6-frag 44 IPv6-Frag|gre 47 GRE|esp 50 IPSEC-ESP|ah 51 IPSEC-AH|" +
  "ipv6-icmp 58 IPv6-ICMP|ipv6-nonxt 59 IPv6-NoNxt|ipv6-opts 60 IPv6-Opts|ospf 89 OSPFIGP|pim 103 PIM|vrrp 112 VRRP|l2tp 115 L2TP|sctp 132 SCTP|udplite 136 UDPLite";

const table = (title: string, rows: string): string =>
  `# ${title}\n\n${rows
    .split("|")
    .map((row) => row.replace(" ", "\t"))
    .join("\n")}\n`;

export const services = table("Network services, Internet style: services(5)", serviceRows);
export const protocols = table("Internet (IP) protocols: protocols(5)", protocolRows);
