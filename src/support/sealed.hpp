#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace plyroot {

/// Tells torn and damaged texts from whole ones. Not for protection: who could write one could compute it too.
std::uint64_t checksum(std::string_view data);

/// The content of a file that tells whether it is whole: `magic`, which says of what kind it is, the payload's size and
/// checksum, the payload.
std::string sealed(std::string_view magic, std::string_view payload);
/// The same of a payload that `append` appends to what it is given, without a copy of it.
/// @param about how long it will be
std::string sealed_in_place(std::string_view magic, std::size_t about, const std::function<void(std::string&)>& append);

/// The first bytes of a sealed text, as many as size_of_sealed() needs.
std::size_t seal_size(std::string_view magic);
/// How long the sealed text is that begins so; nothing where none does. What is damaged may have any size.
std::optional<std::uint64_t> size_of_sealed(std::string_view magic, std::string_view beginning);
/// The payload of what sealed() made with this magic, within `file`; nothing for what is torn, damaged or something
/// else.
std::optional<std::string_view> unsealed(std::string_view magic, std::string_view file);
/// The same of a text that may go on with something else: what is sealed is taken off it, unless it is torn.
std::optional<std::string_view> take_sealed(std::string_view magic, std::string_view& text);

}  // namespace plyroot
