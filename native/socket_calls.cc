// bind(2), connect(2), getsockname(2), getsockopt(2), sendmsg(2), shutdown(2), poll(2).
#include "socket_calls.h"

#include <climits>

#include <linux/filter.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>

#include "socket_table.h"

namespace netkit {

namespace {

/** getsockname(2) and getpeername(2). */
template <int (*System)(int, sockaddr*, socklen_t*)>
int nameOf(Call& call) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  Bytes out;
  if (!call.shortBytes(1, out)) return -EINVAL;
  socklen_t length = out.length;
  const int error = outcome(System(socket->fd(), reinterpret_cast<sockaddr*>(out.data), &length));
  return error < 0 ? error : static_cast<int>(length);
}

/** bind(2) and connect(2). Not repeated after EINTR: an interrupted connect goes on by itself. */
template <int (*System)(int, const sockaddr*, socklen_t)>
int addressed(Call& call) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  Bytes address;
  if (!call.shortBytes(1, address)) return -EINVAL;
  return outcome(System(socket->fd(), reinterpret_cast<const sockaddr*>(address.data), address.length));
}

struct OptionArguments {
  Socket* socket = nullptr;
  int32_t level = 0, name = 0;
  Bytes value;

  int read(const Call& call) {
    if (const int error = call.socket(socket)) return error;
    return call.integer(1, level) && call.integer(2, name) && call.shortBytes(3, value) ? 0 : -EINVAL;
  }
};

/** socket(7): the value of these is a struct sock_fprog, a count and a pointer, which JavaScript cannot make. */
bool takesProgram(int32_t level, int32_t name) {
  return level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF);
}

}  // namespace

int bindSocket(Call& call) { return addressed<::bind>(call); }
int connectSocket(Call& call) { return addressed<::connect>(call); }
int getName(Call& call) { return nameOf<::getsockname>(call); }
int getPeer(Call& call) { return nameOf<::getpeername>(call); }

int getOption(Call& call) {
  OptionArguments given;
  if (const int error = given.read(call)) return error;
  // linux/tcp.h: its value holds addresses that the kernel maps pages over; numbers of JavaScript must not be that.
  if (given.level == IPPROTO_TCP && given.name == TCP_ZEROCOPY_RECEIVE) return -EINVAL;
  socklen_t length = given.value.length;
  const int error = outcome(::getsockopt(given.socket->fd(), given.level, given.name, given.value.data, &length));
  return error < 0 ? error : static_cast<int>(length);
}

int setOption(Call& call) {
  OptionArguments given;
  if (const int error = given.read(call)) return error;
  const int fd = given.socket->fd();
  if (!takesProgram(given.level, given.name)) {
    return outcome(::setsockopt(fd, given.level, given.name, given.value.data, given.value.length));
  }
  const size_t instructions = given.value.length / sizeof(sock_filter);
  if (given.value.length % sizeof(sock_filter) != 0 || instructions > BPF_MAXINSNS) return -EINVAL;
  sock_fprog program{};
  program.len = static_cast<unsigned short>(instructions);
  program.filter = reinterpret_cast<sock_filter*>(given.value.data);
  return outcome(::setsockopt(fd, given.level, given.name, &program, sizeof program));
}

int send(Call& call) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  Bytes bytes, address;
  int32_t offset, length, flags;
  if (!call.bytes(1, bytes) || !call.integer(2, offset) || !call.integer(3, length) || !call.integer(4, flags)) {
    return -EINVAL;
  }
  if (!bytes.contains(offset, length) || (!call.isNull(5) && !call.shortBytes(5, address))) return -EINVAL;
  return repeat([&] {
    return ::sendto(socket->fd(), bytes.data + offset, length, flags | MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(address.data), address.length);
  });
}

int shutdownSocket(Call& call) {
  Socket* socket = nullptr;
  if (const int error = call.socket(socket)) return error;
  int32_t how;
  return call.integer(1, how) ? outcome(::shutdown(socket->fd(), how)) : -EINVAL;
}

int pollNow(Call& call) {
  int32_t fd, events;
  if (!call.integer(0, fd) || !call.integer(1, events) || fd < 0 || events < 0 || events > SHRT_MAX) return -EINVAL;
  pollfd wanted{fd, static_cast<short>(events), 0};
  const int error = repeat([&] { return ::poll(&wanted, 1, 0); });
  return error < 0 ? error : wanted.revents;
}

int fdOf(Call& call) {
  Socket* socket = nullptr;
  const int error = call.socket(socket);
  return error != 0 ? error : socket->fd();
}

}  // namespace netkit
