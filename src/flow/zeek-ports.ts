// Ports at which Zeek's scripts expect servers of TCP protocols (likely_server_ports): what its flipping of roles goes by.

/** The analyzers' `ports` under scripts/base/protocols of Zeek, each a fact of that protocol's registration with IANA or its custom. */
const PORTS = new Set([
  // ftp, gridftp, ssh, smtp, dns, http
  21, 2811, 22, 25, 587, 53, 80, 81, 631, 1080, 3128, 8000, 8080, 8888,
  // kerberos, ldap, imap, pop3, irc, xmpp
  88, 389, 3268, 143, 110, 6666, 6667, 6668, 6669, 5222, 5269,
  // tls
  443, 563, 585, 614, 636, 989, 990, 992, 993, 995, 5223, 8443, 853,
  // smb, dce-rpc, rdp, mysql, postgresql, redis, mqtt, modbus, dnp3, sip
  139, 445, 135, 3389, 1434, 3306, 5432, 6379, 1883, 502, 20000, 5060,
])

export function isLikelyServerPort(port: number): boolean {
  return PORTS.has(port)
}
