// Many messages in one call: sendmmsg(2), recvmmsg(2), and sendmsg(2) with the time of each.
#pragma once

#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include "call.h"
#include "clock.h"

namespace netkit {

/** UIO_MAXIOV: the kernel reads no more headers than this in one call. */
constexpr int32_t kMostMessages = 1024;

/** Table rows, in int32: src/bytes/batch-table.ts declares the same three. */
constexpr size_t kSendRow = 6;
constexpr size_t kSendStampedRow = 12;
constexpr size_t kReceiveRow = 10;

/** What a stamped send fills in of each row, behind the six numbers that describe the message. */
struct Sent {
  int32_t result;
  Stamp stamp;
  int32_t refusals;
};

/** The kernel's message headers for the rows of a table. Rows are copied before they are checked, then not read again. */
class Batch {
 public:
  /** 0, or -EINVAL when a row leaves the arena or the table has fewer than `count` rows. */
  int prepare(const Bytes& arena, const Words& table, int32_t count, size_t stride);
  int send(int fd, int flags);
  /**
   * Sends one message after the other, reading the clocks right before each. Answers how many rows were handled: all of
   * them, or those before the first for which there was no room.
   */
  int sendStamped(int fd, int flags);
  /** Writes results and times of the rows that a stamped send tried. The table must have `count` rows. */
  void reportSent(int32_t* rows, int handled) const;
  /**
   * One recvmmsg is the whole loop: it goes on until all headers are used or a receive fails, and a failure after the
   * first message is parked in the socket for the next call. Calling again here would eat that error.
   */
  int receive(int fd, int flags);
  /** Writes lengths and flags of the first `received` rows. The table must have them. */
  void report(int32_t* rows, int received) const;

 private:
  /**
   * Sends the first message in vain: with an address so short that the kernel refuses it (EINVAL). After a pause the way into the
   * kernel is not in the processor's caches, which would count as 8 us of the round-trip time (bench/ping.mjs, agreement).
   */
  void rehearse(int fd, int flags) const;

  std::vector<mmsghdr> messages_;
  std::vector<iovec> vectors_;
  std::vector<Sent> sent_;
  unsigned count_ = 0;
};

int sendBatch(Call& call);
int sendStamped(Call& call);
int sendStampedAsync(Call& call);
int receiveBatch(Call& call);
int receiveBatchAsync(Call& call);

}  // namespace netkit
