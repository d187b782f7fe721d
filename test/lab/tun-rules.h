// What the TUN responder is told to do, and how that is written: see tun-responder.cc.

#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

using Bytes = std::vector<uint8_t>;

[[noreturn]] inline void fail(const std::string& what) {
  fprintf(stderr, "tun: %s\n", what.c_str());
  exit(1);
}

inline Bytes address(const std::string& text) {
  Bytes bytes(16);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) != 1) fail("not an address: " + text);
  return bytes;
}

inline std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) parts.push_back(part);
  return parts;
}

struct Rule {
  Bytes to, from, by;
  int64_t holdNs = 0, extraNs = 0, truncate = -1, only = -1, quote = -1;
  uint64_t every = 1, seen = 0, random = 1, above = 0;
  double loss = 0;
  int ttl = 64, copies = 1, type = -1, code = 0;
  uint32_t info = 0;
  bool drop = false, legacy = false;
  std::vector<size_t> flip;
  /** Extension objects, headers included. */
  Bytes objects;
};

inline void addObject(Bytes& objects, int objectClass, int type, const Bytes& payload) {
  size_t length = 4 + payload.size();
  for (size_t byte : {length >> 8, length & 255, size_t(objectClass), size_t(type)}) objects.push_back(uint8_t(byte));
  objects.insert(objects.end(), payload.begin(), payload.end());
}

inline Rule parseRule(std::istringstream words) {
  Rule rule;
  for (std::string word; words >> word;) {
    size_t equals = word.find('=');
    if (equals == std::string::npos) fail("no value in " + word);
    std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    int64_t number = strtoll(value.c_str(), nullptr, 0);
    if (key == "to") rule.to = address(value);
    else if (key == "from") rule.from = address(value);
    else if (key == "by") rule.by = address(value);
    else if (key == "hold") rule.holdNs = number * 1000;
    else if (key == "extra") rule.extraNs = number * 1000;
    else if (key == "truncate") rule.truncate = number;
    else if (key == "only") rule.only = number;
    else if (key == "quote") rule.quote = number;
    else if (key == "every") rule.every = uint64_t(std::max<int64_t>(number, 1));
    else if (key == "above") rule.above = uint64_t(number);
    else if (key == "seed") rule.random = uint64_t(number);
    else if (key == "loss") rule.loss = strtod(value.c_str(), nullptr);
    else if (key == "ttl") rule.ttl = int(number);
    else if (key == "copies") rule.copies = int(number);
    else if (key == "info") rule.info = uint32_t(number);
    else if (key == "drop") rule.drop = number != 0;
    else if (key == "extensions") rule.legacy = value == "legacy";
    else if (key == "flip") {
      for (const auto& offset : split(value, '+')) rule.flip.push_back(strtoull(offset.c_str(), nullptr, 0));
    } else if (key == "error") {
      if (sscanf(value.c_str(), "%d.%d", &rule.type, &rule.code) != 2) fail("error is TYPE.CODE, not " + value);
    } else if (key == "mpls") {
      Bytes entries;
      for (const auto& entry : split(value, '+')) {
        unsigned label, trafficClass, bottom, ttl;
        if (sscanf(entry.c_str(), "%u.%u.%u.%u", &label, &trafficClass, &bottom, &ttl) != 4) fail("bad mpls " + entry);
        uint32_t stack = htonl(label << 12 | (trafficClass & 7) << 9 | (bottom & 1) << 8 | (ttl & 255));
        for (int at = 0; at < 4; at++) entries.push_back(reinterpret_cast<uint8_t*>(&stack)[at]);
      }
      addObject(rule.objects, 1, 1, entries);
    } else if (key == "object") {
      auto parts = split(value, '.');
      if (parts.size() < 2) fail("object is CLASS.TYPE.HEX, not " + value);
      Bytes payload;
      for (size_t at = 0; parts.size() > 2 && at + 1 < parts[2].size(); at += 2) {
        payload.push_back(uint8_t(strtoul(parts[2].substr(at, 2).c_str(), nullptr, 16)));
      }
      addObject(rule.objects, atoi(parts[0].c_str()), atoi(parts[1].c_str()), payload);
    } else fail("no rule called " + key);
  }
  return rule;
}
