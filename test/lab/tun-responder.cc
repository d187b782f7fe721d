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
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <queue>
#include <string>
#include <vector>

#include "tun-packets.h"

namespace {

/** A timer wakes us this much early at most; the rest is waited for with open eyes. */
constexpr int64_t SPIN_NS = 200'000;

int64_t now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
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
