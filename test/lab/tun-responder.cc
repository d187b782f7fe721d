// Answers ICMP and ICMPv6 echo requests that a TUN device is given, exactly as late and exactly as wrong as it is told to.
//
//   tun-responder DEVICE [RULE]...
//
// A RULE is `key=value` words; the last one whose `to` is the destination holds for a packet, else the last one without `to`:
//   to=ADDRESS    for packets to this address only
//   hold=US       microseconds from reading the request to writing the reply
//   ttl=N         time to live of what is written (64)
//   loss=PERCENT  drop so many, by a generator that starts from seed=N (1)
// The rest are faults; they hold for every probe, or for every n-th (every=N), or for the one with sequence only=N:
//   drop=1  extra=US (held that much longer)  copies=K  flip=OFFSET+... (payload bytes inverted, checksum right)
//   from=ADDRESS (of the reply)  truncate=BYTES (of payload)  above=BYTES (IP packets larger than this only)
//   error=TYPE.CODE  by=ADDRESS  quote=BYTES (beyond the IP header)  info=U32 (second word of the ICMP header)
//   mpls=LABEL.TC.S.TTL+...  object=CLASS.TYPE.HEX  extensions=compliant|legacy (RFC 4884 section 5: length field set or 0)
// Errors are sent about packets of any protocol. Standard input takes lines: `rule RULE`, `clear`, `stats`; each is answered
// by a line of JSON, as is the start. It ends with its standard input.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <queue>
#include <sstream>
#include <string>
#include <vector>

namespace {

using Bytes = std::vector<uint8_t>;

/** A timer wakes us this much early at most; the rest is waited for with open eyes. */
constexpr int64_t SPIN_NS = 200'000;
constexpr size_t QUOTED_BYTES = 128;  // RFC 4884 section 5.1: before extensions the quoted datagram has at least 128

int64_t now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

[[noreturn]] void fail(const std::string& what) {
  fprintf(stderr, "tun-responder: %s\n", what.c_str());
  exit(1);
}

Bytes address(const std::string& text) {
  Bytes bytes(16);
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) != 1) fail("not an address: " + text);
  return bytes;
}

std::vector<std::string> split(const std::string& text, char by) {
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

void addObject(Bytes& objects, int objectClass, int type, const Bytes& payload) {
  size_t length = 4 + payload.size();
  for (size_t byte : {length >> 8, length & 255, size_t(objectClass), size_t(type)}) objects.push_back(uint8_t(byte));
  objects.insert(objects.end(), payload.begin(), payload.end());
}

Rule parseRule(std::istringstream words) {
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

void put16(Bytes& bytes, size_t at, size_t value) {
  bytes[at] = uint8_t(value >> 8);
  bytes[at + 1] = uint8_t(value);
}

uint32_t sum(const uint8_t* bytes, size_t length, uint32_t total = 0) {
  for (size_t at = 0; at < length; at++) total += at % 2 ? bytes[at] : uint32_t(bytes[at]) << 8;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return total;
}

/** An IP packet around an ICMP message whose checksum is still to be written. */
Bytes packet(const Bytes& from, const Bytes& to, int ttl, Bytes message) {
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

Bytes errorAbout(const Rule& rule, const Request& request) {
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
    if (!rule.legacy) message[request.v6 ? 4 : 5] = QUOTED_BYTES / (request.v6 ? 8 : 4);
    Bytes extension{0x20, 0, 0, 0};
    extension.insert(extension.end(), rule.objects.begin(), rule.objects.end());
    put16(extension, 2, uint16_t(~sum(extension.data(), extension.size())));
    message.insert(message.end(), extension.begin(), extension.end());
  }
  return packet(rule.by.empty() ? request.to : rule.by, request.from, rule.ttl, message);
}

Bytes replyTo(const Rule& rule, const Request& request, bool faulty) {
  Bytes message(request.bytes.begin() + long(request.header), request.bytes.end());
  message[0] = request.v6 ? 129 : 0;
  if (faulty && rule.truncate >= 0 && message.size() > 8 + size_t(rule.truncate)) message.resize(8 + size_t(rule.truncate));
  if (faulty) {
    for (size_t offset : rule.flip) {
      if (8 + offset < message.size()) message[8 + offset] ^= 0xff;
    }
  }
  return packet(faulty && !rule.from.empty() ? rule.from : request.to, request.from, rule.ttl, message);
}

/** Reads the headers of a packet; false when it is none that is answered. */
bool readRequest(Request& request) {
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

struct Held {
  int64_t due, readAt, hold;
  uint64_t order;
  Bytes bytes;
  bool operator<(const Held& other) const { return due != other.due ? due > other.due : order > other.order; }
};

class Responder {
 public:
  explicit Responder(int device) : device_(device) {}

  void add(Rule rule) {
    std::erase_if(rules_, [&](const Rule& other) { return other.to == rule.to; });
    rules_.push_back(std::move(rule));
  }

  void clear() { rules_.clear(); }

  void run() {
    std::string input;
    for (;;) {
      receive();
      release();
      int64_t wait = held_.empty() ? INT64_MAX : held_.top().due - now() - SPIN_NS;
      if (wait <= 0) continue;
      timespec limit{time_t(wait / 1'000'000'000), long(wait % 1'000'000'000)};
      pollfd watched[] = {{device_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
      if (ppoll(watched, 2, held_.empty() ? nullptr : &limit, nullptr) <= 0) continue;
      if (watched[1].revents == 0) continue;
      char chunk[4096];
      ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);
      if (got <= 0) return;
      input.append(chunk, size_t(got));
      for (size_t end; (end = input.find('\n')) != std::string::npos; input.erase(0, end + 1)) command(input.substr(0, end));
    }
  }

 private:
  void command(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "rule") {
      add(parseRule(std::move(words)));
    } else if (verb == "clear") {
      clear();
    } else if (verb != "stats") {
      fail("no command called " + verb);
    }
    std::sort(excess_.begin(), excess_.end());
    auto at = [&](double part) { return excess_.empty() ? 0LL : (long long)excess_[size_t(part * double(excess_.size() - 1))]; };
    printf("{\"rules\":%zu,\"requests\":%llu,\"replies\":%llu,\"errors\":%llu,\"dropped\":%llu,\"other\":%llu,"
           "\"excessNs\":{\"count\":%zu,\"min\":%lld,\"p50\":%lld,\"p99\":%lld,\"max\":%lld}}\n",
           rules_.size(), requests_, replies_, errors_, dropped_, other_, excess_.size(), at(0), at(0.5), at(0.99), at(1));
    fflush(stdout);
  }

  void receive() {
    static uint8_t buffer[65536];
    for (ssize_t got; (got = read(device_, buffer, sizeof buffer)) > 0;) {
      int64_t readAt = now();
      Request request{Bytes(buffer, buffer + got), {}, {}, 0, false, false, -1};
      if (readRequest(request)) answer(request, readAt);
      else other_++;
    }
  }

  Rule& ruleFor(const Request& request) {
    Rule* found = &plain_;
    for (auto& rule : rules_) {
      if (rule.to.empty() && found == &plain_) found = &rule;
      if (rule.to == request.to) return rule;
    }
    return *found;
  }

  /** splitmix64 of Steele, Lea and Flood (2014). */
  static double random(uint64_t& state) {
    uint64_t mixed = state += 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return double((mixed ^ mixed >> 31) >> 11) / double(1ULL << 53);
  }

  void answer(const Request& request, int64_t readAt) {
    Rule& rule = ruleFor(request);
    if (!request.echo && rule.type < 0) {
      other_++;
      return;
    }
    requests_++;
    rule.seen++;
    bool faulty = rule.seen % rule.every == 0 && request.bytes.size() > rule.above;
    if (rule.only >= 0) faulty = faulty && request.sequence == rule.only;
    if ((faulty && rule.drop) || (rule.loss > 0 && random(rule.random) * 100 < rule.loss)) {
      dropped_++;
      return;
    }
    bool error = faulty && rule.type >= 0;
    if (!error && !request.echo) return;
    Bytes bytes = error ? errorAbout(rule, request) : replyTo(rule, request, faulty);
    int64_t hold = rule.holdNs + (faulty ? rule.extraNs : 0);
    for (int copy = 0; copy < (faulty ? rule.copies : 1); copy++) {
      (error ? errors_ : replies_)++;
      held_.push(Held{readAt + hold, readAt, hold, order_++, bytes});
    }
  }

  void release() {
    while (!held_.empty() && held_.top().due <= now()) {
      const Held& held = held_.top();
      int64_t late = now() - held.readAt - held.hold;
      if (write(device_, held.bytes.data(), held.bytes.size()) > 0 && excess_.size() < 1'000'000) excess_.push_back(late);
      held_.pop();
    }
  }

  int device_;
  Rule plain_;
  std::vector<Rule> rules_;
  std::priority_queue<Held> held_;
  std::vector<int64_t> excess_;
  uint64_t order_ = 0;
  unsigned long long requests_ = 0, replies_ = 0, errors_ = 0, dropped_ = 0, other_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) fail("usage: tun-responder DEVICE [RULE]...");
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail(std::string("/dev/net/tun: ") + strerror(errno));
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, arguments[1], IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) < 0) fail(std::string(arguments[1]) + ": " + strerror(errno));
  // Both only help to be punctual; without the right to it the replies are a little later, and `stats` says by how much.
  prctl(PR_SET_TIMERSLACK, 1);
  sched_param priority{};
  priority.sched_priority = 1;
  sched_setscheduler(0, SCHED_FIFO, &priority);
  Responder responder(device);
  for (int at = 2; at < count; at++) responder.add(parseRule(std::istringstream(arguments[at])));
  printf("{\"pid\":%d,\"device\":\"%s\"}\n", getpid(), request.ifr_name);
  fflush(stdout);
  responder.run();
}
