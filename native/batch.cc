// Tables of message descriptions to mmsghdr and back.
#include "batch.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "socket_table.h"

namespace netkit {

namespace {

struct Range {
  int32_t offset, length;
};

/** The first six numbers of every row. */
struct Row {
  Range data, name, control;
};
static_assert(sizeof(Row) == 6 * sizeof(int32_t));

static_assert(sizeof(Row) + sizeof(Sent) == kSendStampedRow * sizeof(int32_t));

bool isFull(int result) { return result == -EAGAIN || result == -ENOBUFS; }

/**
 * Errnos that an ICMP error leaves waiting on a socket (net/ipv4/icmp.c icmp_err_convert, net/ipv4/ping.c ping_err, net/ipv6/icmp.c
 * tab_unreach). No other one may be an earlier message's, and of these none is told of a message that has left: the firewall's no
 * is EPERM. So what is sent again has not been sent before.
 */
bool mayBeEarlier(int result) {
  switch (-result) {
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENOPROTOOPT:
    case ECONNREFUSED:
    case EOPNOTSUPP:
    case EHOSTDOWN:
    case ENONET:
    case EACCES:
    case EPROTO:
    // A router found an earlier message too big; a message that is itself too big is refused again.
    case EMSGSIZE:
    // A redirect, or a source quench.
    case EREMOTEIO:
      return true;
    default:
      return false;
  }
}

void* at(const Bytes& arena, const Range& range) { return range.length == 0 ? nullptr : arena.data + range.offset; }

}  // namespace

int Batch::prepare(const Bytes& arena, const Words& table, int32_t count, size_t stride) {
  if (count < 0 || count > kMostMessages || static_cast<size_t>(count) > table.length / stride) return -EINVAL;
  if (messages_.size() < static_cast<size_t>(count)) {
    messages_.resize(count);
    vectors_.resize(count);
  }
  for (int32_t index = 0; index < count; ++index) {
    Row row;
    std::memcpy(&row, table.data + index * stride, sizeof row);
    for (const Range& range : {row.data, row.name, row.control}) {
      if (!arena.contains(range.offset, range.length)) return -EINVAL;
    }
    vectors_[index] = {at(arena, row.data), static_cast<size_t>(row.data.length)};
    mmsghdr& message = messages_[index];
    message.msg_hdr = {};
    message.msg_hdr.msg_name = at(arena, row.name);
    message.msg_hdr.msg_namelen = row.name.length;
    message.msg_hdr.msg_iov = &vectors_[index];
    message.msg_hdr.msg_iovlen = 1;
    message.msg_hdr.msg_control = at(arena, row.control);
    message.msg_hdr.msg_controllen = row.control.length;
    message.msg_len = 0;
  }
  count_ = count;
  return 0;
}

int Batch::send(int fd, int flags) {
  return repeat([&] { return ::sendmmsg(fd, messages_.data(), count_, flags | MSG_NOSIGNAL); });
}

void Batch::rehearse(int fd, int flags) const {
  msghdr refused = messages_[0].msg_hdr;
  if (refused.msg_name == nullptr) return;
  refused.msg_namelen = 1;
  ::sendmsg(fd, &refused, flags | MSG_NOSIGNAL);
}

int Batch::sendStamped(int fd, int flags) {
  if (sent_.size() < count_) sent_.resize(count_);
  if (count_ == 1) rehearse(fd, flags);
  for (unsigned index = 0; index < count_; ++index) {
    Sent& sent = sent_[index];
    sent.refusals = 0;
    const auto attempt = [&] {
      sent.stamp = readClocks();
      return ::sendmsg(fd, &messages_[index].msg_hdr, flags | MSG_NOSIGNAL);
    };
    sent.result = repeat(attempt);
    // socket(7), SO_ERROR: an error that an earlier message left waiting refuses the next one, and is gone with that.
    if (mayBeEarlier(sent.result)) {
      sent.refusals = 1;
      sent.result = repeat(attempt);
    }
    if (sent.result > 0) sent.result = 0;
    if (isFull(sent.result)) return index;
  }
  return count_;
}

void Batch::reportSent(int32_t* rows, int handled) const {
  // The row for which there was no room says so.
  const unsigned end = std::min(handled + 1u, count_);
  for (unsigned index = 0; index < end; ++index) {
    std::memcpy(rows + index * kSendStampedRow + kSendRow, &sent_[index], sizeof(Sent));
  }
}

int Batch::receive(int fd, int flags) {
  // MSG_CMSG_CLOEXEC: descriptors that a peer passes (unix(7), SCM_RIGHTS) must not reach our children.
  return repeat([&] {
    return ::recvmmsg(fd, messages_.data(), count_, flags | MSG_DONTWAIT | MSG_CMSG_CLOEXEC, nullptr);
  });
}

void Batch::report(int32_t* rows, int received) const {
  for (int index = 0; index < received; ++index) {
    const mmsghdr& message = messages_[index];
    int32_t* out = rows + index * kReceiveRow + 6;
    out[0] = static_cast<int32_t>(message.msg_len);
    out[1] = static_cast<int32_t>(message.msg_hdr.msg_namelen);
    out[2] = static_cast<int32_t>(message.msg_hdr.msg_controllen);
    // The kernel hands our own flag back among the message's.
    out[3] = message.msg_hdr.msg_flags & ~MSG_CMSG_CLOEXEC;
  }
}

namespace {

struct BatchArguments {
  Socket* socket = nullptr;
  Bytes arena;
  Words table;
  int32_t count = 0, flags = 0;

  int read(const Call& call) {
    if (const int error = call.socket(socket)) return error;
    const bool valid = call.bytes(1, arena) && call.words(2, table) && call.integer(3, count) && call.integer(4, flags);
    return valid ? 0 : -EINVAL;
  }
};

}  // namespace

int sendBatch(Call& call) {
  BatchArguments given;
  if (const int error = given.read(call)) return error;
  Batch& batch = call.table->scratch;
  if (const int error = batch.prepare(given.arena, given.table, given.count, kSendRow)) return error;
  return batch.send(given.socket->fd(), given.flags);
}

int sendStamped(Call& call) {
  BatchArguments given;
  if (const int error = given.read(call)) return error;
  Batch& batch = call.table->scratch;
  if (const int error = batch.prepare(given.arena, given.table, given.count, kSendStampedRow)) return error;
  const int handled = batch.sendStamped(given.socket->fd(), given.flags);
  batch.reportSent(given.table.data, handled);
  return handled;
}

int receiveBatch(Call& call) {
  BatchArguments given;
  if (const int error = given.read(call)) return error;
  Batch& batch = call.table->scratch;
  if (const int error = batch.prepare(given.arena, given.table, given.count, kReceiveRow)) return error;
  const int received = batch.receive(given.socket->fd(), given.flags);
  batch.report(given.table.data, received);
  return received;
}

}  // namespace netkit
