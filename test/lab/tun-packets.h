// The packets of the TUN responder: requests as they are read, replies and ICMP errors as they are written.

#pragma once

#include "tun-rules.h"

constexpr size_t QUOTED_BYTES = 128;  // RFC 4884 section 5.1: before extensions the quoted datagram has at least 128

inline void put16(Bytes& bytes, size_t at, size_t value) {
  bytes[at] = uint8_t(value >> 8);
  bytes[at + 1] = uint8_t(value);
}

inline uint32_t sum(const uint8_t* bytes, size_t length, uint32_t total = 0) {
  for (size_t at = 0; at < length; at++) total += at % 2 ? bytes[at] : uint32_t(bytes[at]) << 8;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return total;
}

/** An IP packet around an ICMP message whose checksum is still to be written. */
inline Bytes packet(const Bytes& from, const Bytes& to, int ttl, Bytes message) {
  bool v6 = from.size() == 16;
  uint32_t pseudo = 0;
  if (v6) {
    // RFC 8200 section 8.1: addresses, length, next header
    pseudo = sum(from.data(), 16, sum(to.data(), 16, uint32_t(message.size()) + 58));
  }
  put16(message, 2, 0);
  put16(message, 2, uint16_t(~sum(message.data(), message.size(), pseudo)));
  Bytes bytes(v6 ? 40 : 20);
  if (v6) {
    bytes[0] = 0x60;
    put16(bytes, 4, message.size());
    bytes[6] = 58;
    bytes[7] = uint8_t(ttl);
    std::copy(from.begin(), from.end(), bytes.begin() + 8);
    std::copy(to.begin(), to.end(), bytes.begin() + 24);
  } else {
    bytes[0] = 0x45;
    put16(bytes, 2, 20 + message.size());
    bytes[8] = uint8_t(ttl);
    bytes[9] = 1;
    std::copy(from.begin(), from.end(), bytes.begin() + 12);
    std::copy(to.begin(), to.end(), bytes.begin() + 16);
    put16(bytes, 10, uint16_t(~sum(bytes.data(), 20)));
  }
  bytes.insert(bytes.end(), message.begin(), message.end());
  return bytes;
}

struct Request {
  Bytes bytes, from, to;
  /** Where the transport header begins. */
  size_t header;
  bool v6, echo;
  int64_t sequence;
};

/** The address of a rule, where it has one of the request's family; else the one that was asked. */
inline const Bytes& ofFamily(const Bytes& address, const Request& request) {
  return address.size() == request.to.size() ? address : request.to;
}

inline Bytes errorAbout(const Rule& rule, const Request& request) {
  size_t most = request.v6 ? 1280 - 48 : 576 - 28;  // RFC 4443 section 2.4 (c), RFC 1812 section 4.3.2.3
  size_t length = std::min(request.bytes.size(), most);
  if (rule.quote >= 0) length = std::min(length, request.header + size_t(rule.quote));
  Bytes message(8);
  message[0] = uint8_t(rule.type);
  message[1] = uint8_t(rule.code);
  put16(message, 4, rule.info >> 16);
  put16(message, 6, rule.info & 0xffff);
  message.insert(message.end(), request.bytes.begin(), request.bytes.begin() + long(length));
  if (!rule.objects.empty()) {
    message.resize(8 + QUOTED_BYTES);
    // RFC 4884 sections 4.1 to 4.5: 32-bit words in the second byte, 64-bit words in the first
    if (!rule.legacy) message[request.v6 ? 4 : 5] = uint8_t(QUOTED_BYTES / (request.v6 ? 8 : 4));
    Bytes extension{0x20, 0, 0, 0};
    extension.insert(extension.end(), rule.objects.begin(), rule.objects.end());
    put16(extension, 2, uint16_t(~sum(extension.data(), extension.size())));
    message.insert(message.end(), extension.begin(), extension.end());
  }
  return packet(ofFamily(rule.by, request), request.from, rule.ttl, message);
}

inline Bytes replyTo(const Rule& rule, const Request& request, bool faulty) {
  Bytes message(request.bytes.begin() + long(request.header), request.bytes.end());
  message[0] = request.v6 ? 129 : 0;
  if (faulty && rule.truncate >= 0 && message.size() > 8 + size_t(rule.truncate)) message.resize(8 + size_t(rule.truncate));
  if (faulty) {
    for (size_t offset : rule.flip) {
      if (8 + offset < message.size()) message[8 + offset] ^= 0xff;
    }
  }
  return packet(faulty ? ofFamily(rule.from, request) : request.to, request.from, rule.ttl, message);
}

/** Reads the headers of a packet; false when it is none that is answered. */
inline bool readRequest(Request& request) {
  const Bytes& bytes = request.bytes;
  if (bytes.size() < 20) return false;
  request.v6 = bytes[0] >> 4 == 6;
  uint8_t protocol;
  if (request.v6) {
    if (bytes.size() < 48) return false;
    protocol = bytes[6];
    request.header = 40;
    request.from.assign(bytes.begin() + 8, bytes.begin() + 24);
    request.to.assign(bytes.begin() + 24, bytes.begin() + 40);
    if (request.to[0] == 0xff || request.from == Bytes(16)) return false;
  } else {
    request.header = size_t(bytes[0] & 15) * 4;
    if (bytes.size() < request.header + 8 || request.header < 20) return false;
    if ((bytes[6] & 0x3f) != 0 || bytes[7] != 0) return false;  // a fragment
    protocol = bytes[9];
    request.from.assign(bytes.begin() + 12, bytes.begin() + 16);
    request.to.assign(bytes.begin() + 16, bytes.begin() + 20);
  }
  request.echo = protocol == (request.v6 ? 58 : 1) && bytes[request.header] == (request.v6 ? 128 : 8);
  request.sequence = request.echo ? bytes[request.header + 6] << 8 | bytes[request.header + 7] : -1;
  return true;
}
