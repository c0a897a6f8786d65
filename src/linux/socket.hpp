#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "linux/descriptor.hpp"

namespace plyroot::linux_api {

/// A message on a local socket that keeps messages apart (SOCK_SEQPACKET, unix(7)), with descriptors passed along.
struct Message {
  std::string text;
  std::vector<Descriptor> descriptors;
};

/// Listens under a name in a directory; the name must not exist yet. Non-blocking.
Descriptor listen_at(int directory, const std::string& name);
/// Connects to it; an invalid Descriptor where nobody listens there (any more).
Descriptor connect_at(int directory, const std::string& name);
/// The next connection; an invalid Descriptor where none waits.
Descriptor accept_from(int listener);
/// Two ends connected to each other.
std::pair<Descriptor, Descriptor> socket_pair();

/// @param text not empty. @returns false where the other end is gone
bool send_message(int socket, std::string_view text, const std::vector<int>& descriptors = {});
/// Waits for a message; nothing where the other end is gone and all that it sent is received, whether or not it
/// received what was sent to it.
std::optional<Message> receive_message(int socket);

}  // namespace plyroot::linux_api
