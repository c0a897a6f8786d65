#include "model/operation.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <sstream>

namespace plyroot::test {
namespace {

enum class Argument {
  none,
  new_path,  // any
  path,      // mostly one that was made before
  target,
  snapshot,
  head,
  attribute
};

struct Kind {
  const char* name;
  unsigned weight;
  Argument path;
  Argument other;
};

constexpr std::array kinds{
    Kind{"write", 16, Argument::new_path, Argument::none},
    Kind{"append", 8, Argument::path, Argument::none},
    Kind{"write-sparse", 4, Argument::new_path, Argument::none},
    Kind{"truncate", 4, Argument::path, Argument::none},
    Kind{"unlink", 8, Argument::path, Argument::none},
    Kind{"remove-tree", 4, Argument::path, Argument::none},
    Kind{"mkdir", 20, Argument::new_path, Argument::none},
    Kind{"rmdir", 3, Argument::path, Argument::none},
    Kind{"rename", 12, Argument::path, Argument::new_path},
    Kind{"link", 8, Argument::path, Argument::new_path},
    Kind{"symlink", 5, Argument::new_path, Argument::target},
    Kind{"make-fifo", 1, Argument::new_path, Argument::none},
    Kind{"make-device", 1, Argument::new_path, Argument::none},
    Kind{"file-over-directory", 3, Argument::path, Argument::none},
    Kind{"directory-over-file", 4, Argument::path, Argument::none},
    Kind{"chmod", 6, Argument::path, Argument::none},
    Kind{"chown", 6, Argument::path, Argument::none},
    Kind{"set-time", 3, Argument::path, Argument::none},
    Kind{"set-attribute", 6, Argument::path, Argument::attribute},
    Kind{"remove-attribute", 4, Argument::path, Argument::attribute},
    Kind{"snapshot", 9, Argument::none, Argument::snapshot},
    Kind{"roll-back", 4, Argument::none, Argument::snapshot},
    Kind{"clean", 3, Argument::none, Argument::none},
    Kind{"remove-snapshot", 4, Argument::none, Argument::snapshot},
    Kind{"use-head", 5, Argument::none, Argument::head},
    Kind{"drop-head", 1, Argument::none, Argument::none},
    Kind{"remount", 4, Argument::none, Argument::none},
    Kind{"sync-head", 2, Argument::none, Argument::none},
    Kind{"collect-garbage", 3, Argument::none, Argument::none},
    Kind{"merge", 5, Argument::none, Argument::none},
    Kind{"reopen", 1, Argument::none, Argument::none},
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Operation operation() {
    std::array<unsigned, kinds.size()> weights{};
    for (std::size_t i = 0; i < kinds.size(); ++i)
      weights[i] = kinds[i].weight;
    const Kind& kind = kinds[std::discrete_distribution<std::size_t>(weights.begin(), weights.end())(random_)];
    return {kind.name, argument(kind.path), argument(kind.other), below(1U << 20U)};
  }

 private:
  unsigned below(unsigned limit) { return std::uniform_int_distribution<unsigned>(0, limit - 1)(random_); }

  std::string component() { return std::string(1, static_cast<char>('a' + below(4))); }

  /// Few names, so that operations meet each other.
  std::string new_path() {
    std::string path = below(2) == 0 || made_.empty() ? component() : made_[below_size()] + "/" + component();
    if (path.size() > longest_path) path = component();
    made_.push_back(path);
    if (made_.size() > most_remembered) made_.erase(made_.begin());
    return path;
  }
  std::string path() {
    if (below(40) == 0) return ".";
    return below(8) == 0 || made_.empty() ? component() : made_[below_size()];
  }

  std::string argument(Argument argument) {
    switch (argument) {
      case Argument::new_path:
        return new_path();
      case Argument::path:
        return path();
      case Argument::target:
        return component();  // beside the link itself, so that none leads out of the root
      case Argument::snapshot:
        return "s" + std::to_string(below(10));
      case Argument::head: {
        const unsigned head = below(4);
        return head < 2 ? "-" : "head" + std::to_string(head);
      }
      case Argument::attribute: {
        constexpr std::array<const char*, 4> names{"user.one", "user.two", "trusted.three", "security.four"};
        return names[below(names.size())];
      }
      case Argument::none:
        break;
    }
    return "-";
  }

  std::size_t below_size() { return below(static_cast<unsigned>(made_.size())); }

  static constexpr std::size_t longest_path = 7;  // a/b/c/d
  static constexpr std::size_t most_remembered = 16;
  std::mt19937_64 random_;
  std::vector<std::string> made_;  // as far as can be told without doing it
};

}  // namespace

bool needs_existing_path(const Operation& operation) {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const Kind& kind) { return kind.name == operation.name && kind.path == Argument::path; });
}

Sequence random_sequence(std::uint64_t seed, std::size_t length) {
  Generator generator(seed);
  Sequence sequence;
  for (std::size_t i = 0; i < length; ++i)
    sequence.push_back(generator.operation());
  return sequence;
}

std::string to_text(const Sequence& sequence) {
  std::ostringstream text;
  for (const Operation& operation : sequence)
    text << operation.name << ' ' << operation.path << ' ' << operation.other << ' ' << operation.number << '\n';
  return text.str();
}

Sequence sequence_from_text(const std::string& text) {
  std::istringstream lines(text);
  Sequence sequence;
  for (Operation operation; lines >> operation.name >> operation.path >> operation.other >> operation.number;)
    sequence.push_back(operation);
  return sequence;
}

}  // namespace plyroot::test
