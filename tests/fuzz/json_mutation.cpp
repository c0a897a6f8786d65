#include "json_mutation.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <random>
#include <vector>

#include <nlohmann/json.hpp>

namespace plyroot::fuzz {
namespace {

using nlohmann::json;

class Mutation {
 public:
  explicit Mutation(unsigned seed) : random_(seed) {}

  void apply(json& document) {
    const std::vector<json*> places = places_of(document);
    json& place = *places[below(places.size())];
    if (place.is_structured() && !place.empty() && below(2) == 0) {
      place.erase(std::next(place.begin(), static_cast<std::ptrdiff_t>(below(place.size()))));
    } else if (below(3) == 0) {
      place = json(*places[below(places.size())]);
    } else {
      place = forgotten_value();
    }
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  /// Every value, the document itself among them.
  static std::vector<json*> places_of(json& document) {
    std::vector<json*> places{&document};
    for (std::size_t at = 0; at < places.size(); ++at) {
      if (!places[at]->is_structured()) continue;
      for (json& child : *places[at])
        places.push_back(&child);
    }
    return places;
  }

  json forgotten_value() {
    const std::vector<json> values{nullptr,
                                   true,
                                   0,
                                   -1,
                                   std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::uint64_t>::max(),
                                   1e300,
                                   "",
                                   std::string(1, '\0'),
                                   "\n",
                                   ".",
                                   "..",
                                   "/",
                                   json::array(),
                                   json::object()};
    return values[below(values.size())];
  }

  std::minstd_rand random_;
};

}  // namespace

std::optional<std::string> with_another_value(std::string_view text, unsigned seed) {
  constexpr bool throws = false;
  json document = json::parse(text, nullptr, throws);
  if (document.is_discarded()) return std::nullopt;
  Mutation(seed).apply(document);
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace plyroot::fuzz
