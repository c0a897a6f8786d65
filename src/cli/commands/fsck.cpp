#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include <nlohmann/json.hpp>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
#include "cli/standard_output.hpp"
#include "store/check.hpp"
#include "support/error.hpp"
#include "support/text.hpp"

namespace plyroot::cli {
namespace {

using nlohmann::json;
using store::CheckReport;
using store::Finding;
using store::Severity;

json as_json(const Finding& finding) {
  json value{{"kind", store::kind_name(finding.kind)},
             {"severity", store::severity_name(finding.severity)},
             {"subject", finding.subject},
             {"text", finding.text}};
  value["layer"] = finding.layer ? json(*finding.layer) : json(nullptr);
  return value;
}

json as_json(const store::Reach& reach, bool is_known) {
  if (!is_known) return nullptr;
  return {{"affected", reach.affected}, {"unaffected", reach.unaffected}};
}

std::string in_json(const StoreLocation& location, const CheckReport& report, const std::vector<std::string>& repairs) {
  json document{{"format", 1},
                {"store", location.path()},
                {"well", report.is_well()},
                {"findings", json::array()},
                {"snapshots", as_json(report.snapshots, report.knows_names)},
                {"heads", as_json(report.heads, report.knows_names)},
                {"layers", report.layers},
                {"files", report.files},
                {"repairs", repairs}};
  for (const Finding& finding : report.findings)
    document["findings"].push_back(as_json(finding));
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string names_in_words(const std::vector<std::string>& names, const char* main) {
  std::vector<std::string> words;
  for (const std::string& name : names)
    words.push_back(name.empty() ? main : printable(name));
  return words.empty() ? "none" : join(words, ", ");
}

std::string reach_in_words(const CheckReport& report) {
  if (!report.knows_names)
    return "which snapshots and heads are affected cannot be told: the database has their names\n";
  return fmt::format("snapshots affected: {}\nsnapshots not affected: {}\nheads affected: {}\nheads not affected: {}\n",
                     names_in_words(report.snapshots.affected, ""), names_in_words(report.snapshots.unaffected, ""),
                     names_in_words(report.heads.affected, "the main one"),
                     names_in_words(report.heads.unaffected, "the main one"));
}

std::size_t count(const CheckReport& report, const std::function<bool(const Finding&)>& what) {
  return static_cast<std::size_t>(std::count_if(report.findings.begin(), report.findings.end(), what));
}

/// A line for each, but one for all that is in the trash: a large clean leaves hundreds of directories there.
std::string findings_in_words(const CheckReport& report) {
  const auto is_trash = [](const Finding& finding) { return finding.kind == Finding::Kind::trash; };
  const std::size_t in_trash = count(report, is_trash);
  std::string text;
  for (const Finding& finding : report.findings) {
    if (in_trash < 2 || !is_trash(finding))
      text += fmt::format("{}: {}\n", store::severity_name(finding.severity), finding.text);
  }
  if (in_trash >= 2) text += fmt::format("garbage: {} directories in trash/ are still to be removed\n", in_trash);
  return text;
}

std::string in_words(const StoreLocation& location, const CheckReport& report,
                     const std::vector<std::string>& repairs) {
  std::string text;
  for (const std::string& repair : repairs)
    text += fmt::format("repair: {}\n", repair);
  text += findings_in_words(report);
  if (!report.is_well()) text += reach_in_words(report);
  const bool has_garbage =
      count(report, [](const Finding& finding) { return finding.severity == Severity::garbage; }) > 0;
  const char* well = has_garbage ? "all is well, but for garbage, which is collected in the background" : "all is well";
  text += fmt::format("{}: {} layers, {} files looked at: {}\n", printable(location.path()), report.layers,
                      report.files, report.is_well() ? well : "damaged");
  return text;
}

}  // namespace

int run_fsck(const Context& context) {
  if (!context.config.plugins.overlayfs.enable) buildroot::refuse_feature("fsck");
  const StoreLocation location = buildroot::store_location(context.config);
  CheckReport report = store::check(location);
  std::vector<std::string> repairs;
  if (context.options.repair) {
    repairs = store::repair(location, report);
    report = store::check(location);
  }
  print(context.options.json ? in_json(location, report, repairs) : in_words(location, report, repairs));
  return static_cast<int>(report.is_well() ? ExitCode::success : ExitCode::failure);
}

}  // namespace plyroot::cli
