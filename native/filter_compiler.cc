// libpcap through dlopen(3): an option when running, never needed for building.
#include "filter_compiler.h"

#include <cstring>
#include <new>
#include <string>

#include <dlfcn.h>
#include <linux/filter.h>

namespace netkit {

namespace {

/** pcap/bpf.h, struct bpf_program. Its instructions are laid out as the kernel's struct sock_filter. */
struct Program {
  unsigned int length;
  sock_filter* instructions;
};

struct Pcap;

/** pcap/pcap.h. */
constexpr unsigned int kNetmaskUnknown = 0xffffffff;

struct Library {
  Pcap* (*openDead)(int linkType, int snapLength) = nullptr;
  int (*compile)(Pcap*, Program*, const char* text, int optimize, unsigned int netmask) = nullptr;
  char* (*error)(Pcap*) = nullptr;
  void (*free)(Program*) = nullptr;
  void (*close)(Pcap*) = nullptr;
  /** Why it cannot be used; empty when it can. */
  std::string missing;
};

template <typename Function>
bool find(void* handle, const char* name, Function& function) {
  function = reinterpret_cast<Function>(::dlsym(handle, name));
  return function != nullptr;
}

Library load() {
  Library library;
  void* handle = nullptr;
  // The soname is libpcap.so.0.8 in Debian and its children, libpcap.so.1 elsewhere.
  for (const char* name : {"libpcap.so.1", "libpcap.so.0.8", "libpcap.so"}) {
    handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) break;
    if (library.missing.empty()) library.missing = ::dlerror();
  }
  if (handle == nullptr) return library;
  const bool whole = find(handle, "pcap_open_dead", library.openDead) && find(handle, "pcap_compile", library.compile) &&
                     find(handle, "pcap_geterr", library.error) && find(handle, "pcap_freecode", library.free) &&
                     find(handle, "pcap_close", library.close);
  library.missing = whole ? "" : "libpcap lacks a function";
  return library;
}

/** Copies what fits, with a zero behind it. */
void tell(const Bytes& message, const char* text) {
  if (message.length == 0) return;
  const size_t length = strnlen(text, message.length - 1);
  memcpy(message.data, text, length);
  message.data[length] = 0;
}

int copy(const Program& program, const Bytes& out) {
  const size_t length = program.length * sizeof(sock_filter);
  if (length > out.length) return -ENOSPC;
  memcpy(out.data, program.instructions, length);
  return static_cast<int>(length);
}

}  // namespace

int compileFilter(Call& call) {
  Bytes text, out, message;
  int32_t linkType, snapLength;
  if (!call.shortBytes(0, text) || !call.integer(1, linkType) || !call.integer(2, snapLength) ||
      !call.shortBytes(3, out) || !call.bytes(4, message) || snapLength < 0) {
    return -EINVAL;
  }
  tell(message, "");
  static const Library library = load();
  if (!library.missing.empty()) {
    tell(message, library.missing.c_str());
    return -ENOSYS;
  }
  const std::string expression(reinterpret_cast<const char*>(text.data), text.length);
  Pcap* pcap = library.openDead(linkType, snapLength);
  if (pcap == nullptr) return -ENOMEM;
  Program program{};
  int result = -EINVAL;
  if (library.compile(pcap, &program, expression.c_str(), 1, kNetmaskUnknown) == 0) {
    result = copy(program, out);
    library.free(&program);
  } else {
    tell(message, library.error(pcap));
  }
  library.close(pcap);
  return result;
}

}  // namespace netkit
