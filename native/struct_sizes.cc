// Sizes from the kernel's own headers, for the test that compares layouts with them.
#include "struct_sizes.h"

#include <ctime>

#include <netinet/in.h>
#include <sys/socket.h>

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#if __has_include(<linux/inet_diag.h>)
#include <linux/inet_diag.h>
#endif
#if __has_include(<linux/unix_diag.h>)
#include <linux/unix_diag.h>
#endif
#if __has_include(<linux/packet_diag.h>)
#include <linux/packet_diag.h>
#endif
#if __has_include(<linux/netlink_diag.h>)
#include <linux/netlink_diag.h>
#endif
#if __has_include(<linux/vm_sockets_diag.h>)
#include <linux/vm_sockets_diag.h>
#endif
#if __has_include(<linux/xdp_diag.h>)
#include <linux/xdp_diag.h>
#endif

namespace netkit {

namespace {

struct Size {
  const char* name;
  uint32_t bytes;
};

#define SIZE(name) {#name, sizeof(struct name)}

constexpr Size kSizes[] = {
    SIZE(nlmsghdr),    SIZE(nlmsgerr),     SIZE(nlattr),      SIZE(sock_diag_req), SIZE(tcp_info),
    SIZE(sockaddr_nl), SIZE(sockaddr_in),  SIZE(sockaddr_in6), SIZE(msghdr),       SIZE(cmsghdr),
    SIZE(timespec),    SIZE(sock_extended_err), SIZE(sock_filter), SIZE(sockaddr_ll), SIZE(packet_mreq),
    SIZE(tpacket_req3), SIZE(tpacket_stats_v3), SIZE(tpacket_block_desc), SIZE(tpacket3_hdr),
#if __has_include(<linux/inet_diag.h>)
    SIZE(inet_diag_req_v2), SIZE(inet_diag_sockid), SIZE(inet_diag_msg),
#endif
#if __has_include(<linux/unix_diag.h>)
    SIZE(unix_diag_req), SIZE(unix_diag_msg),
#endif
#if __has_include(<linux/packet_diag.h>)
    SIZE(packet_diag_req), SIZE(packet_diag_msg), SIZE(packet_diag_info),
#endif
#if __has_include(<linux/netlink_diag.h>)
    SIZE(netlink_diag_req), SIZE(netlink_diag_msg),
#endif
#if __has_include(<linux/vm_sockets_diag.h>)
    SIZE(vsock_diag_req), SIZE(vsock_diag_msg),
#endif
#if __has_include(<linux/xdp_diag.h>)
    SIZE(xdp_diag_req), SIZE(xdp_diag_msg), SIZE(xdp_diag_info),
#endif
};

#undef SIZE

}  // namespace

Napi::Object structSizes(Napi::Env env) {
  Napi::Object sizes = Napi::Object::New(env);
  for (const Size& size : kSizes) sizes.Set(size.name, size.bytes);
  return sizes;
}

}  // namespace netkit
