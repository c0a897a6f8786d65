#include "linux/socket.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::linux_api {
namespace {

constexpr std::size_t most_descriptors = 8;

Descriptor new_socket(int extra_flags) {
  Descriptor made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | extra_flags, 0));
  if (!made) throw_errno(errno, "make a local socket");
  return made;
}

/// A socket's address holds 108 bytes: too few for a path, enough for a name seen through its directory's descriptor.
sockaddr_un address_at(int directory, const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = path_of(directory) + "/" + name;
  if (path.size() >= sizeof address.sun_path) throw Error("the name of a socket is too long: " + printable(name));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

}  // namespace

Descriptor listen_at(int directory, const std::string& name) {
  Descriptor listener = new_socket(SOCK_NONBLOCK);
  const sockaddr_un address = address_at(directory, name);
  if (bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    throw_errno(errno, "make the session's socket", shown_path(directory, name));
  }
  if (listen(listener.get(), SOMAXCONN) < 0)
    throw_errno(errno, "listen on the session's socket", shown_path(directory, name));
  return listener;
}

Descriptor connect_at(int directory, const std::string& name) {
  Descriptor connection = new_socket(0);
  const sockaddr_un address = address_at(directory, name);
  while (connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return {};
    if (errno != EINTR) throw_errno(errno, "connect to the session's socket", shown_path(directory, name));
  }
  return connection;
}

Descriptor accept_from(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return Descriptor(fd);
    if (errno == EAGAIN || errno == ECONNABORTED) return {};
    if (errno != EINTR) throw_errno(errno, "accept a connection");
  }
}

std::pair<Descriptor, Descriptor> socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) < 0)
    throw_errno(errno, "make a pair of sockets");
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

bool send_message(int socket, std::string_view text, const std::vector<int>& descriptors) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
  iovec content{const_cast<char*>(text.data()), text.size()};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    if (descriptors.size() > most_descriptors) throw Error("too many descriptors for one message");
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(int) * descriptors.size());
  }
  while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno == EPIPE || errno == ECONNRESET) return false;
    if (errno != EINTR) throw_errno(errno, "send a message");
  }
  return true;
}

namespace {

/// Waits for the next message. @returns its size; 0 where the other end is gone
std::size_t size_of_next_message(int socket) {
  bool was_reset = false;
  for (;;) {
    const ssize_t size = recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC);
    if (size >= 0) return static_cast<std::size_t>(size);
    // The other end closed without reading all that we sent. What it sent before comes after this error.
    if (errno == ECONNRESET && std::exchange(was_reset, true)) return 0;
    if (errno != EINTR && errno != ECONNRESET) throw_errno(errno, "receive a message");
  }
}

}  // namespace

std::optional<Message> receive_message(int socket) {
  Message received;
  received.text.resize(size_of_next_message(socket));
  if (received.text.empty()) return std::nullopt;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_descriptors)> control{};
  iovec content{received.text.data(), received.text.size()};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  while (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) < 0) {
    // The message is there; the other end has closed since, as above.
    if (errno != EINTR && errno != ECONNRESET) throw_errno(errno, "receive a message");
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      received.descriptors.emplace_back(fd);
    }
  }
  return received;
}

}  // namespace plyroot::linux_api
