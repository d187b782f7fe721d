// Plays a whole network behind a TUN device: a path of routers and a target that answer, or do not, as a scenario has it.
//
//   tun-network DEVICE HOP... TARGET
//
// HOP and TARGET are `key=value` words; nodes of one hop that share its packets by flow are separated by `|`. Of each node:
//   by=ADDRESS    who it is; the target answers as whoever was asked
//   hold=US       round-trip time to it; jitter=US is added by chance: answers come out of order
//   silent=1      says nothing when a time to live ends there     hidden=1     does not count as a hop
//   loss=PERCENT  of the packets on the link towards it (seed=N), dropEvery=N every n-th of them; backLoss=PERCENT of its answers
//   perSecond=N burst=N  token bucket of its ICMP errors          corrupt=N    every n-th answer has a wrong checksum
//   copies=N      answers so often                                 quote=BYTES  beyond the IP header
//   noise=N       so many damaged copies of each answer before it
//   mpls=, object=, extensions=  see tun-responder.cc
//   error=T.C     refuses what would pass (refuses=icmp+udp+tcp: those only)   blackhole=1  lets nothing pass
//   mtu=N         larger packets do not pass; quiet=1 and it does not say so
//   tos=N         the type of service from there on                nat=1        the checksum does not fit from there on
//   balance=packet  of a hop with several nodes: in turn, whatever the flow
// and of the target: echo=reply|none, udp=unreachable|datagram|none, tcp=open|refused|none.
// Standard input takes lines: `stats`, and `hop N WORDS`, which replaces a hop (from 1); each is answered by a line of JSON, as is
// the start. It ends with its standard input.

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <queue>

#include "tun-path.h"

namespace {

int64_t now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * 1'000'000'000LL + at.tv_nsec;
}

/** splitmix64 of Steele, Lea and Flood (2014). */
double random(uint64_t& state) {
  uint64_t mixed = state += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
  return double((mixed ^ mixed >> 31) >> 11) / double(1ULL << 53);
}

struct Held {
  int64_t due;
  uint64_t order;
  Bytes bytes;
  bool operator<(const Held& other) const { return due != other.due ? due > other.due : order > other.order; }
};

class Network {
 public:
  explicit Network(int device) : device_(device) {}

  void add(const std::string& text) { hops_.push_back(parseHop(text)); }

  void run() {
    std::string input;
    for (;;) {
      receive();
      release();
      int64_t wait = held_.empty() ? 0 : std::max<int64_t>(held_.top().due - now(), 0);
      timespec limit{time_t(wait / 1'000'000'000), long(wait % 1'000'000'000)};
      pollfd watched[] = {{device_, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
      if (ppoll(watched, 2, held_.empty() ? nullptr : &limit, nullptr) <= 0 || watched[1].revents == 0) continue;
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
    std::string verb, rest;
    words >> verb;
    if (verb == "hop") {
      size_t number = 0;
      words >> number;
      if (number < 1 || number > hops_.size()) fail("no such hop in: " + line);
      std::getline(words, rest);
      hops_[number - 1] = parseHop(rest);
    } else if (verb != "stats") {
      fail("no command called " + verb);
    }
    printf("{\"hops\":[");
    for (size_t at = 0; at < hops_.size(); at++) {
      printf("%s[", at ? "," : "");
      for (size_t which = 0; which < hops_[at].nodes.size(); which++) {
        const Node& node = hops_[at].nodes[which];
        printf("%s{\"seen\":%llu,\"lost\":%llu,\"answered\":%llu,\"limited\":%llu}", which ? "," : "", node.seen, node.lost,
               node.answered, node.limited);
      }
      printf("]");
    }
    printf("]}\n");
    fflush(stdout);
  }

  void receive() {
    static uint8_t buffer[65536];
    for (ssize_t got; (got = read(device_, buffer, sizeof buffer)) > 0;) {
      Request request{Bytes(buffer, buffer + got), {}, {}, 0, false, false, -1};
      if (readRequest(request)) travel(request);
    }
  }

  Node& nodeFor(Hop& hop, const Request& request) {
    size_t count = hop.nodes.size();
    if (count == 1) return hop.nodes[0];
    if (hop.balancePackets) return hop.nodes[hop.turn++ % count];
    auto [flow, isNew] = hop.flows.try_emplace(flowOf(request), hop.turn);
    if (isNew) hop.turn++;
    return hop.nodes[flow->second % count];
  }

  void travel(Request request) {
    // Routers look at the packet as it left: what a NAT changes must not move it to another branch.
    const Request original = request;
    for (size_t at = 0; at < hops_.size(); at++) {
      Node& node = nodeFor(hops_[at], original);
      node.seen++;
      node.came++;
      if ((node.dropEvery > 0 && node.came % node.dropEvery == 0) || (node.rule.loss > 0 && random(node.rule.random) * 100 < node.rule.loss)) {
        node.lost++;
        return;
      }
      if (at + 1 == hops_.size()) return arrive(node, request);
      int ttl = request.bytes[ttlAt(request)];
      if (!node.hidden) {
        if (ttl <= 1) {
          if (!node.silent) error(node, request, request.v6 ? 3 : 11, 0, 0);
          return;
        }
        setTtl(request, ttl - 1);
      }
      if (node.nat) translate(request);
      if (node.tos >= 0) setTos(request, node.tos);
      if (node.blackhole) return;
      if (node.rule.type >= 0 && concerns(node, request)) return error(node, request, node.rule.type, node.rule.code, node.rule.info);
      if (node.mtu > 0 && request.bytes.size() > node.mtu && (request.v6 || (request.bytes[6] & 0x40) != 0)) {
        if (!node.quiet) error(node, request, request.v6 ? 2 : 3, request.v6 ? 0 : 4, uint32_t(node.mtu));
        return;
      }
    }
  }

  static bool concerns(const Node& node, const Request& request) {
    return node.refuses.empty() || ("+" + node.refuses + "+").find(std::string("+") + protocolName(request) + "+") != std::string::npos;
  }

  void arrive(Node& node, const Request& request) {
    if (node.rule.type >= 0 && concerns(node, request)) return error(node, request, node.rule.type, node.rule.code, node.rule.info);
    uint8_t protocol = protocolOf(request);
    int ttl = node.rule.ttl;
    if (request.echo && node.echo == "reply") return answer(node, replyTo(node.rule, request, false));
    if (protocol == 17 && node.udp == "datagram") return answer(node, datagramAbout(request, ttl));
    if (protocol == 17 && node.udp == "unreachable") return error(node, request, request.v6 ? 1 : 3, request.v6 ? 4 : 3, 0);
    // SYN alone: what follows on an open connection is not answered.
    bool syn = protocol == 6 && request.bytes.size() >= request.header + 20 && (request.bytes[request.header + 13] & 0x17) == 2;
    if (syn && node.tcp == "open") return answer(node, segmentAbout(request, ttl, true));
    if (syn && node.tcp == "refused") return answer(node, segmentAbout(request, ttl, false));
  }

  void error(Node& node, const Request& request, int type, int code, uint32_t info) {
    if (node.perSecond > 0) {
      int64_t at = now();
      double most = std::max(node.burst, 1.0);
      node.tokens = node.tokens < 0 ? most : std::min(most, node.tokens + double(at - node.filledAt) / 1e9 * node.perSecond);
      node.filledAt = at;
      if (node.tokens < 1) {
        node.limited++;
        return;
      }
      node.tokens -= 1;
    }
    Rule rule = node.rule;
    rule.type = type;
    rule.code = code;
    rule.info = info;
    answer(node, errorAbout(rule, request));
  }

  void answer(Node& node, Bytes bytes) {
    if (node.backLoss > 0 && random(node.rule.random) * 100 < node.backLoss) return;
    node.said++;
    // The last byte belongs to the sum; the IP header stays right, so that it is the ICMP layer that has to notice.
    if (node.corrupt > 0 && node.said % node.corrupt == 0) bytes.back() ^= 0x5a;
    else node.answered++;
    int64_t due = now() + node.rule.holdNs + (node.jitterNs > 0 ? int64_t(random(node.rule.random) * double(node.jitterNs)) : 0);
    for (int copy = 0; copy < node.noise; copy++) {
      held_.push(Held{due, order_++, damaged(bytes, [&] { return random(node.rule.random); })});
    }
    for (int copy = 0; copy < node.rule.copies; copy++) held_.push(Held{due, order_++, bytes});
  }

  void release() {
    while (!held_.empty() && held_.top().due <= now()) {
      if (write(device_, held_.top().bytes.data(), held_.top().bytes.size()) < 0) failures_++;
      held_.pop();
    }
  }

  int device_;
  std::vector<Hop> hops_;
  std::priority_queue<Held> held_;
  uint64_t order_ = 0, failures_ = 0;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) fail("usage: tun-network DEVICE HOP... TARGET");
  int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) fail(std::string("/dev/net/tun: ") + strerror(errno));
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  strncpy(request.ifr_name, arguments[1], IFNAMSIZ - 1);
  if (ioctl(device, TUNSETIFF, &request) < 0) fail(std::string(arguments[1]) + ": " + strerror(errno));
  prctl(PR_SET_TIMERSLACK, 1);
  Network network(device);
  for (int at = 2; at < count; at++) network.add(arguments[at]);
  printf("{\"pid\":%d,\"device\":\"%s\"}\n", getpid(), request.ifr_name);
  fflush(stdout);
  network.run();
}
