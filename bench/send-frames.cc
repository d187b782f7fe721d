// Sends the packets of a capture file (pcap, Ethernet) through an interface at an even rate.
//
//   send-frames INTERFACE FILE PACKETS_A_SECOND SECONDS
//
// The file is sent again from its beginning when it ends. Prints how many packets were sent, and how many seconds it took.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr size_t kFileHeader = 24;
constexpr size_t kRecordHeader = 16;
constexpr unsigned kBatch = 64;

struct Frame {
  char* bytes;
  size_t length;
};

double now() {
  timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return static_cast<double>(at.tv_sec) + static_cast<double>(at.tv_nsec) / 1e9;
}

std::vector<char> contents(const char* path) {
  std::vector<char> bytes;
  FILE* file = fopen(path, "rb");
  if (file == nullptr) return bytes;
  char block[1 << 16];
  for (size_t got; (got = fread(block, 1, sizeof block, file)) > 0;) bytes.insert(bytes.end(), block, block + got);
  fclose(file);
  return bytes;
}

std::vector<Frame> frames_of(std::vector<char>& bytes) {
  std::vector<Frame> frames;
  for (size_t at = kFileHeader; at + kRecordHeader <= bytes.size();) {
    uint32_t length;
    memcpy(&length, bytes.data() + at + 8, sizeof length);
    at += kRecordHeader;
    if (at + length > bytes.size()) break;
    frames.push_back({bytes.data() + at, length});
    at += length;
  }
  return frames;
}

}  // namespace

int main(int count, char** values) {
  if (count != 5) return 2;
  const double rate = atof(values[3]);
  const double seconds = atof(values[4]);
  std::vector<char> bytes = contents(values[2]);
  const std::vector<Frame> frames = frames_of(bytes);
  const int descriptor = socket(AF_PACKET, SOCK_RAW, 0);
  if (frames.empty() || descriptor < 0) return 1;
  // Past the queue of the interface, as a card would be fed by a router.
  const int bypass = 1;
  setsockopt(descriptor, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof bypass);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(values[1]));
  to.sll_protocol = htons(ETH_P_ALL);
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 1;

  iovec parts[kBatch];
  mmsghdr messages[kBatch];
  memset(messages, 0, sizeof messages);
  for (unsigned each = 0; each < kBatch; each++) {
    messages[each].msg_hdr.msg_iov = &parts[each];
    messages[each].msg_hdr.msg_iovlen = 1;
  }
  const long wanted = static_cast<long>(rate * seconds);
  const double begun = now();
  long sent = 0;
  size_t next = 0;
  while (sent < wanted) {
    const long due = static_cast<long>((now() - begun) * rate);
    if (due <= sent) {
      const timespec pause{0, 50'000};
      nanosleep(&pause, nullptr);
      continue;
    }
    unsigned batch = 0;
    for (; batch < kBatch && sent + batch < wanted && sent + batch < due; batch++) {
      const Frame& frame = frames[(next + batch) % frames.size()];
      parts[batch] = {frame.bytes, frame.length};
    }
    const int done = sendmmsg(descriptor, messages, batch, 0);
    if (done <= 0) continue;
    sent += done;
    next += static_cast<size_t>(done);
  }
  printf("%ld %.3f\n", sent, now() - begun);
  return 0;
}
