// A path of hops as the network simulator plays it: what each hop is told, and what it keeps while packets pass.

#pragma once

#include <cstring>
#include <map>

#include "tun-packets.h"

/** One router, or the target. `rule` has who answers, how late, with which error and what quoted (see tun-rules.h). */
struct Node {
  Rule rule;
  /** Says nothing when a time to live ends here; does not count as a hop; lets nothing pass. */
  bool silent = false, hidden = false, blackhole = false;
  /** From here on: the type of service is this, and the checksum is that of a packet that a NAT has changed. */
  int tos = -1;
  bool nat = false;
  /** Every n-th packet is lost on the link towards this node; every n-th answer has a wrong checksum; 0: none. */
  uint64_t dropEvery = 0, corrupt = 0;
  /** So many damaged copies, under right checksums, before each answer. */
  int noise = 0;
  /** Percentage of its answers that are lost on the way back. */
  double backLoss = 0;
  int64_t jitterNs = 0;
  /** Token bucket of its ICMP errors: so many a second, so many at once; 0: no limit. */
  double perSecond = 0, burst = 0;
  /** Larger packets do not pass; it says so unless it is quiet. */
  size_t mtu = 0;
  bool quiet = false;
  /** The protocols that `error` refuses; empty: all. */
  std::string refuses;
  /** How the target answers echo requests, datagrams and SYN segments. */
  std::string echo = "reply", udp = "unreachable", tcp = "open";

  double tokens = -1;
  int64_t filledAt = 0;
  uint64_t came = 0, said = 0;
  unsigned long long seen = 0, lost = 0, answered = 0, limited = 0;
};

/** Nodes side by side: which one a packet takes depends on its flow, or, where `balancePackets`, on nothing. */
struct Hop {
  std::vector<Node> nodes;
  bool balancePackets = false;
  uint64_t turn = 0;
  /** Each new flow takes the next node and keeps it: by a hash, one run in 32 would see one of two branches only. */
  std::map<uint32_t, uint64_t> flows;
};

inline Node parseNode(const std::string& text, Hop& hop) {
  Node node;
  std::string rest;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    size_t equals = word.find('=');
    std::string key = word.substr(0, equals), value = equals == std::string::npos ? "" : word.substr(equals + 1);
    double number = strtod(value.c_str(), nullptr);
    if (key == "silent") node.silent = number != 0;
    else if (key == "hidden") node.hidden = number != 0;
    else if (key == "blackhole") node.blackhole = number != 0;
    else if (key == "tos") node.tos = int(number);
    else if (key == "nat") node.nat = number != 0;
    else if (key == "dropEvery") node.dropEvery = uint64_t(number);
    else if (key == "corrupt") node.corrupt = uint64_t(number);
    else if (key == "noise") node.noise = int(number);
    else if (key == "backLoss") node.backLoss = number;
    else if (key == "jitter") node.jitterNs = int64_t(number * 1000);
    else if (key == "perSecond") node.perSecond = number;
    else if (key == "burst") node.burst = number;
    else if (key == "mtu") node.mtu = size_t(number);
    else if (key == "quiet") node.quiet = number != 0;
    else if (key == "refuses") node.refuses = value;
    else if (key == "balance") hop.balancePackets = value == "packet";
    else if (key == "echo") node.echo = value;
    else if (key == "udp") node.udp = value;
    else if (key == "tcp") node.tcp = value;
    else rest += " " + word;
  }
  node.rule = parseRule(std::istringstream(rest));
  return node;
}

/** Nodes of a hop are separated by `|`. */
inline Hop parseHop(const std::string& text) {
  Hop hop;
  for (const auto& part : split(text, '|')) hop.nodes.push_back(parseNode(part, hop));
  if (hop.nodes.empty()) fail("a hop without nodes");
  return hop;
}

/** Bytes behind the ICMP or TCP ports changed or cut off, lengths and checksums mended: what a liar could send. */
template <typename Random>
Bytes damaged(Bytes bytes, Random random) {
  bool v6 = bytes[0] >> 4 == 6;
  size_t header = v6 ? 40 : 20, least = header + 4;
  bool icmp = bytes[v6 ? 6 : 9] == (v6 ? 58 : 1);
  if (random() < 0.3) bytes.resize(least + 4 + size_t(random() * double(bytes.size() - least - 4)));
  for (int changes = 1 + int(random() * 4); changes > 0; changes--) {
    size_t at = least + size_t(random() * double(bytes.size() - least));
    bytes[at] = random() < 0.3 ? 0xff : uint8_t(random() * 256);
  }
  Bytes from(bytes.begin() + (v6 ? 8 : 12), bytes.begin() + (v6 ? 24 : 16));
  Bytes to(bytes.begin() + (v6 ? 24 : 16), bytes.begin() + long(header));
  Bytes message(bytes.begin() + long(header), bytes.end());
  Bytes mended = packet(from, to, bytes[v6 ? 7 : 8], icmp ? message : Bytes(message.size()));
  if (icmp) return mended;
  mended[v6 ? 6 : 9] = bytes[v6 ? 6 : 9];
  if (!v6) {
    put16(mended, 10, 0);
    put16(mended, 10, uint16_t(~sum(mended.data(), 20)));
  }
  // The checksum of TCP stays wrong: the kernel takes no such segment.
  std::copy(message.begin(), message.end(), mended.begin() + long(header));
  return mended;
}

inline uint8_t protocolOf(const Request& request) { return request.bytes[request.v6 ? 6 : 9]; }

inline const char* protocolName(const Request& request) {
  uint8_t protocol = protocolOf(request);
  return protocol == 6 ? "tcp" : protocol == 17 ? "udp" : "icmp";
}

inline size_t ttlAt(const Request& request) { return request.v6 ? 7 : 8; }

inline void sumHeader(Bytes& bytes) {
  put16(bytes, 10, 0);
  put16(bytes, 10, uint16_t(~sum(bytes.data(), size_t(bytes[0] & 15) * 4)));
}

inline void setTtl(Request& request, int ttl) {
  request.bytes[ttlAt(request)] = uint8_t(ttl);
  if (!request.v6) sumHeader(request.bytes);
}

inline void setTos(Request& request, int tos) {
  Bytes& bytes = request.bytes;
  if (request.v6) {
    bytes[0] = uint8_t(0x60 | tos >> 4);
    bytes[1] = uint8_t((tos & 15) << 4 | (bytes[1] & 15));
  } else {
    bytes[1] = uint8_t(tos);
    sumHeader(bytes);
  }
}

/** Where the checksum of the transport header is; past the end of what has none. */
inline size_t checksumAt(const Request& request) {
  uint8_t protocol = protocolOf(request);
  return request.header + (protocol == 6 ? 16 : protocol == 17 ? 6 : 2);
}

/** What a NAT leaves of the checksum: one that fits another source address. */
inline void translate(Request& request) {
  size_t at = checksumAt(request);
  if (at + 2 > request.bytes.size()) return;
  uint32_t shifted = uint32_t(request.bytes[at] << 8 | request.bytes[at + 1]) + 0x1234;
  put16(request.bytes, at, (shifted & 0xffff) + (shifted >> 16));
}

/** What routers with equal paths look at: the ports, or of ICMP identifier and checksum. */
inline uint32_t flowOf(const Request& request) {
  const Bytes& bytes = request.bytes;
  size_t at = request.header;
  bool icmp = strcmp(protocolName(request), "icmp") == 0;
  uint32_t hash = 2166136261;  // FNV-1a
  for (size_t offset : icmp ? std::vector<size_t>{2, 3, 4, 5} : std::vector<size_t>{0, 1, 2, 3}) {
    hash = (hash ^ bytes[at + offset]) * 16777619;
  }
  hash ^= hash >> 15;
  return hash * 2246822519U >> 8;
}

/** An IP packet of a transport whose checksum is at `at` of `segment`. */
inline Bytes transportPacket(const Request& request, int ttl, uint8_t protocol, Bytes segment, size_t at) {
  uint32_t pseudo = sum(request.to.data(), request.to.size(), sum(request.from.data(), request.from.size(),
                        uint32_t(segment.size()) + protocol));
  put16(segment, at, 0);
  put16(segment, at, uint16_t(~sum(segment.data(), segment.size(), pseudo)));
  // packet() writes an ICMP checksum: the header is taken from it, the rest is ours.
  Bytes bytes = packet(request.to, request.from, ttl, Bytes(segment.size()));
  bytes[request.v6 ? 6 : 9] = protocol;
  if (!request.v6) sumHeader(bytes);
  std::copy(segment.begin(), segment.end(), bytes.begin() + (request.v6 ? 40 : 20));
  return bytes;
}

/** SYN-ACK or RST-ACK about a SYN. */
inline Bytes segmentAbout(const Request& request, int ttl, bool open) {
  const uint8_t* syn = request.bytes.data() + request.header;
  Bytes segment(20);
  std::copy(syn + 2, syn + 4, segment.begin());
  std::copy(syn, syn + 2, segment.begin() + 2);
  uint32_t next = ntohl(*reinterpret_cast<const uint32_t*>(syn + 4)) + 1;
  if (open) put16(segment, 4, 0x4e4b);
  put16(segment, 8, next >> 16);
  put16(segment, 10, next & 0xffff);
  segment[12] = 5 << 4;
  segment[13] = open ? 0x12 : 0x14;
  put16(segment, 14, open ? 64240 : 0);
  return transportPacket(request, ttl, 6, segment, 16);
}

/** The datagram back to where it came from. */
inline Bytes datagramAbout(const Request& request, int ttl) {
  Bytes segment(request.bytes.begin() + long(request.header), request.bytes.end());
  std::swap_ranges(segment.begin(), segment.begin() + 2, segment.begin() + 2);
  return transportPacket(request, ttl, 17, segment, 6);
}
