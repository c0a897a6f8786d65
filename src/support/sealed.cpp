#include "support/sealed.hpp"

#include <cstring>

#include "support/binary.hpp"

namespace plyroot {

namespace {

std::uint64_t mixed(std::uint64_t sum, std::uint64_t word) {
  sum = (sum ^ word) * 0xFF51AFD7ED558CCDU;
  return sum ^ (sum >> 32U);
}

}  // namespace

std::uint64_t checksum(std::string_view data) {
  std::uint64_t sum = 0x9E3779B97F4A7C15U ^ data.size();
  std::uint64_t word = 0;
  for (; data.size() >= sizeof word; data.remove_prefix(sizeof word)) {
    std::memcpy(&word, data.data(), sizeof word);
    sum = mixed(sum, word);
  }
  if (data.empty()) return sum;
  word = 0;
  std::memcpy(&word, data.data(), data.size());
  return mixed(sum, word);
}

std::string sealed(std::string_view magic, std::string_view payload) {
  return sealed_in_place(magic, payload.size(), [&](std::string& text) { text += payload; });
}

std::string sealed_in_place(std::string_view magic, std::size_t about,
                            const std::function<void(std::string&)>& append) {
  std::string text;
  text.reserve(seal_size(magic) + about);
  text = magic;
  text.resize(seal_size(magic));
  append(text);
  const std::string_view payload = std::string_view(text).substr(seal_size(magic));
  std::string seal;
  binary::Writer header(seal);
  header.put(std::uint64_t{payload.size()});
  header.put(checksum(payload));
  text.replace(magic.size(), seal.size(), seal);
  return text;
}

std::size_t seal_size(std::string_view magic) {
  return magic.size() + 2 * sizeof(std::uint64_t);
}

std::optional<std::uint64_t> size_of_sealed(std::string_view magic, std::string_view beginning) {
  if (beginning.size() < seal_size(magic) || !beginning.starts_with(magic)) return std::nullopt;
  std::uint64_t payload = 0;
  std::memcpy(&payload, beginning.data() + magic.size(), sizeof payload);
  return seal_size(magic) + payload;
}

std::optional<std::string_view> unsealed(std::string_view magic, std::string_view file) {
  std::uint64_t size = 0;
  std::uint64_t sum = 0;
  if (file.size() < magic.size() + sizeof size + sizeof sum || !file.starts_with(magic)) return std::nullopt;
  file.remove_prefix(magic.size());
  std::memcpy(&size, file.data(), sizeof size);
  std::memcpy(&sum, file.data() + sizeof size, sizeof sum);
  file.remove_prefix(sizeof size + sizeof sum);
  if (file.size() != size || checksum(file) != sum) return std::nullopt;
  return file;
}

std::optional<std::string_view> take_sealed(std::string_view magic, std::string_view& text) {
  const auto size = size_of_sealed(magic, text);
  if (!size || *size > text.size()) return std::nullopt;
  const auto payload = unsealed(magic, text.substr(0, *size));
  text.remove_prefix(*size);
  return payload;
}

}  // namespace plyroot
