#include "cli/options.hpp"

#include <fmt/format.h>
#include <getopt.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/option_table.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::cli {
namespace {

/// What getopt_long returns for the long option of a row is first_row plus the row's index, beyond any letter.
constexpr int first_row = 256;
/// What it returns for an argument that is no option, where the short options begin with "-".
constexpr int operand = 1;

constexpr const char* see_help = "plyroot --help lists the options.";

[[noreturn]] void refuse(const std::string& message, const std::string& advice = see_help) {
  throw Error(message, advice, ExitCode::usage);
}

[[noreturn]] void refuse_not_there_yet(const OptionRow& row) {
  refuse(fmt::format("{} is not there yet in plyroot", row.flag()));
}

/// The table in the form that getopt_long takes.
struct GetoptTables {
  std::vector<option> long_options;
  std::string letters = "-:";  ///< "-": arguments in their place; ":": a missing value is told from a wrong option

  GetoptTables() {
    const auto table = option_table();
    long_options.reserve(table.size() + 1);
    for (const OptionRow& row : table) {
      const bool takes_value = row.values != Values::none;
      long_options.push_back({row.name.data(), takes_value ? required_argument : no_argument, nullptr,
                              first_row + static_cast<int>(long_options.size())});
      if (row.letter == '\0') continue;
      letters += row.letter;
      if (takes_value) letters += ':';
    }
    long_options.push_back({});
  }
};

/// The row that getopt_long names by its answer or by optopt; none for a letter that no row has.
const OptionRow* find_row(int answer) {
  const auto table = option_table();
  if (answer >= first_row) return &table[static_cast<std::size_t>(answer - first_row)];
  const auto row = std::find_if(table.begin(), table.end(),
                                [answer](const OptionRow& candidate) { return candidate.letter == answer; });
  return row == table.end() ? nullptr : &*row;
}

/// Whether argparse takes a word that begins with a dash for an option: not where it has a blank in it and no option
/// begins so, as in --rpmbuild-opts '--noclean --nodebuginfo'.
bool looks_like_option(std::string_view word) {
  if (word.size() < 2 || word.front() != '-') return false;
  if (word.find(' ') == std::string_view::npos) return true;
  if (word[1] != '-') return find_row(word[1]) != nullptr;
  const auto table = option_table();
  return std::any_of(table.begin(), table.end(), [name = word.substr(0, word.find('='))](const OptionRow& row) {
    return row.flag().starts_with(name);
  });
}

/// mock lets -p and -l win over every other command, and --scrub over those that are left; of these the last counts.
int precedence(Mode mode) {
  switch (mode) {
    case Mode::print_root_path:
      return 3;
    case Mode::list_snapshots:
      return 2;
    case Mode::scrub:
      return 1;
    default:
      return 0;
  }
}

/// Whether the arguments are a command line of another program, which may have options of its own.
bool runs_another_program(Mode mode) {
  switch (mode) {
    case Mode::shell:
    case Mode::chroot:
    case Mode::package_manager_command:
    case Mode::dnf_command:
    case Mode::yum_command:
      return true;
    default:
      return false;
  }
}

/// These two end a command line where they stand.
bool ends_parsing(Mode mode) {
  return mode == Mode::help || mode == Mode::version;
}

Options asking_only_for(Mode mode) {
  Options options;
  options.mode = mode;
  return options;
}

class Parser {
 public:
  Parser(int argc, char* const* argv) : argc_(argc), argv_(argv) {}

  Options parse() {
    read();
    if (!mode_) take_command_word();
    if (mode_ && ends_parsing(*mode_)) return asking_only_for(*mode_);
    options_.mode = mode_.value_or(Mode::rebuild);
    keep_separator_of_another_program();
    check_operands();
    check_companions();
    if (options_.mode == Mode::dnf_command) options_.package_manager = "dnf";
    if (options_.mode == Mode::yum_command) options_.package_manager = "yum";
    if (precedence(options_.mode) >= precedence(Mode::list_snapshots)) options_.verbosity = 0;
    return std::move(options_);
  }

 private:
  void read() {
    const GetoptTables tables;
    optind = 0;
    for (;;) {
      const int answer = getopt_long(argc_, argv_, tables.letters.c_str(), tables.long_options.data(), nullptr);
      if (answer == -1) break;
      if (answer == operand) {
        options_.arguments.emplace_back(optarg);
      } else if (answer == '?') {
        refuse_wrong_option();
      } else if (answer == ':') {
        refuse_missing_value(*find_row(optopt));
      } else {
        take(*find_row(answer), answer < first_row);
        if (mode_ && ends_parsing(*mode_)) return;
      }
    }
    if (argv_[optind - 1] == std::string_view("--")) separator_ = options_.arguments.size();
    options_.arguments.insert(options_.arguments.end(), argv_ + optind, argv_ + argc_);
  }

  void take(const OptionRow& row, bool by_letter) {
    if (!row.supported()) refuse_not_there_yet(row);
    if (row.mode) choose(*row.mode);
    if (row.apply != nullptr) row.apply(options_, row.values == Values::none ? "" : value(row, by_letter));
  }

  /// The value that getopt_long found, by argparse's rules: a word of its own that looks like an option is none, and
  /// "-r=X" means "-r X".
  std::string_view value(const OptionRow& row, bool by_letter) const {
    std::string_view text = optarg;
    const bool own_word = optarg == argv_[optind - 1];
    if (own_word && looks_like_option(text)) {
      refuse_missing_value(
          row, fmt::format("A value that begins with a dash is given as in {}={}", row.flag(), printable(text)));
    }
    if (!own_word && by_letter && text.starts_with('=')) text.remove_prefix(1);
    return text;
  }

  void choose(Mode mode) {
    another_program_ = another_program_ || runs_another_program(mode);
    if (!mode_ || ends_parsing(mode) || precedence(mode) >= precedence(*mode_)) mode_ = mode;
  }

  /// Where no option is a command, the first argument may be one, as in "plyroot init".
  void take_command_word() {
    auto& arguments = options_.arguments;
    if (arguments.empty() || separator_ == 0U) return;
    const OptionRow* row = find_command_word();
    if (row == nullptr) return;
    if (!row->supported()) refuse_not_there_yet(*row);
    choose(*row->mode);
    arguments.erase(arguments.begin());
    if (separator_) --*separator_;
    if (row->apply != nullptr) {
      for (const std::string& argument : std::exchange(arguments, {})) {
        row->apply(options_, argument);
      }
    }
  }

  const OptionRow* find_command_word() const {
    if (options_.arguments.empty()) return nullptr;
    const auto table = option_table();
    const auto row = std::find_if(table.begin(), table.end(), [this](const OptionRow& candidate) {
      return candidate.is_command && candidate.name == options_.arguments.front();
    });
    return row == table.end() ? nullptr : &*row;
  }

  /// A "--" among the words of another program is that program's, as in "--chroot grep -- -x file".
  void keep_separator_of_another_program() {
    if (separator_ && *separator_ > 0 && runs_another_program(options_.mode)) {
      options_.arguments.insert(options_.arguments.begin() + static_cast<std::ptrdiff_t>(*separator_), "--");
    }
  }

  /// In mock's words, which users' scripts look for, where mock has some.
  static std::string missing_arguments(const OptionRow& row) {
    switch (row.mode.value_or(Mode::help)) {
      case Mode::snapshot:
      case Mode::rollback:
      case Mode::remove_snapshot:
        return "Requires a snapshot name";
      case Mode::chroot:
        return "You must specify a command to run with --chroot";
      case Mode::install_dependencies:
        return "You must specify an SRPM file with --installdeps";
      case Mode::install:
        return "You must specify a package list to install.";
      case Mode::remove:
        return "You must specify a package list to remove.";
      case Mode::copy_in:
        return "Must have source and destinations for copyin";
      case Mode::copy_out:
        return "Must have source and destinations for copyout";
      default:
        return fmt::format("{} needs {}", row.flag(), row.operands.most == 0 ? row.value_name : row.operands.synopsis);
    }
  }

  void check_operands() const {
    const OptionRow& row = command_row(options_.mode);
    const auto& arguments = options_.arguments;
    if (options_.mode == Mode::rebuild && options_.spec) return check_source_package_of_spec_file();
    if (arguments.size() < row.operands.least || (options_.mode == Mode::scrub && options_.scrub_types.empty())) {
      if (!mode_) {
        throw Error("nothing to do: neither a command nor a source package was given",
                    "plyroot --help lists the commands.", ExitCode::missing_argument);
      }
      throw Error(missing_arguments(row), see_help, ExitCode::missing_argument);
    }
    if (arguments.size() <= row.operands.most) return;
    const std::string first_too_many = printable(arguments[row.operands.most]);
    refuse(row.operands.most == 0 ? fmt::format("{} takes no arguments, but was given '{}'", row.flag(), first_too_many)
                                  : fmt::format("{} takes one {}, but was given '{}' too", row.flag(),
                                                row.operands.synopsis, first_too_many),
           advice());
  }

  /// --rebuild with --spec takes one source package, which --sources makes.
  void check_source_package_of_spec_file() const {
    const std::size_t how_many = options_.arguments.size() + (options_.sources ? 1 : 0);
    if (how_many == 1) return;
    if (how_many == 0) {
      throw Error("No package specified to rebuild command.",
                  "Give a source package, whose spec file --spec replaces, or --sources to make one.",
                  ExitCode::missing_argument);
    }
    throw Error("--spec argument only supported with single srpm.",
                options_.sources ? "With --sources it is the one that is made of them." : "",
                ExitCode::missing_argument);
  }

  void check_source_files() const {
    const bool makes_packages = options_.mode == Mode::rebuild || options_.mode == Mode::build_source_package;
    if (options_.spec && !makes_packages) refuse("--spec goes with --buildsrpm and --rebuild only");
    if (options_.mode == Mode::build_source_package && !options_.spec) {
      refuse("Must specify both --spec and --sources with --buildsrpm",
             "--sources can be left out where the spec file names none.");
    }
    if (options_.sources && !options_.spec) refuse("--sources goes with --spec only");
    if (options_.dereference_links && !options_.sources) refuse("--symlink-dereference goes with --sources only");
  }

  /// Options that say how one command is to be done.
  void check_companions() const {
    if (options_.wait && options_.mode != Mode::clean && options_.mode != Mode::scrub) {
      refuse("--wait goes with --clean and --scrub only");
    }
    if (options_.repair && options_.mode != Mode::fsck) refuse("--repair goes with --fsck only");
    if (options_.json && options_.mode != Mode::fsck) refuse("--json goes with --fsck only");
    check_source_files();
    if (!options_.additional_packages.empty() && options_.mode != Mode::rebuild) {
      refuse("The --additional-package option requires the --rebuild mode");
    }
    if (options_.mode == Mode::rebuild && options_.arguments.size() > 1 && !options_.resultdir) {
      refuse("Must specify --resultdir when building multiple RPMS.",
             fmt::format("Name a directory for what becomes of all {} of them.", options_.arguments.size()));
    }
  }

  /// getopt_long did not take the last word that it read, or a letter in it.
  [[noreturn]] void refuse_wrong_option() const {
    const std::string_view word = argv_[optind - 1];
    if (optopt >= first_row) {
      const OptionRow& row = *find_row(optopt);
      if (!row.supported()) refuse_not_there_yet(row);
      refuse(fmt::format("{} takes no value", row.flag()), see_help);
    }
    if (optopt != 0) {
      refuse(fmt::format("unknown option -{}", printable(std::string(1, static_cast<char>(optopt)))), advice());
    }
    refuse_long_option(word.substr(0, word.find('=')));
  }

  [[noreturn]] void refuse_long_option(std::string_view flag) const {
    std::vector<std::string> candidates;
    for (const OptionRow& row : option_table()) {
      if (row.flag().starts_with(flag)) candidates.push_back(row.flag());
    }
    if (candidates.empty()) refuse(fmt::format("unknown option {}", printable(flag)), advice());
    refuse(fmt::format("{} is ambiguous", printable(flag)),
           fmt::format("It could be one of {}.", fmt::join(candidates, ", ")));
  }

  [[noreturn]] static void refuse_missing_value(const OptionRow& row, const std::string& advice = see_help) {
    if (!row.supported()) refuse_not_there_yet(row);
    refuse(fmt::format("{} needs a value: {}", row.flag(), row.value_name), advice);
  }

  /// What may help somebody whose option was not taken.
  std::string advice() const {
    const OptionRow* word = mode_ ? nullptr : find_command_word();
    if (another_program_ || (word != nullptr && word->mode && runs_another_program(*word->mode))) {
      return "Options of the program that is to run come after --, as in: plyroot --chroot -- ls -l";
    }
    return see_help;
  }

  int argc_;
  char* const* argv_;
  Options options_;
  std::optional<Mode> mode_;
  std::optional<std::size_t> separator_;  ///< how many arguments came before "--"
  bool another_program_ = false;          ///< a command that runs one was among the options
};

}  // namespace

Options parse_options(int argc, char* const* argv) {
  return Parser(argc, argv).parse();
}

}  // namespace plyroot::cli
