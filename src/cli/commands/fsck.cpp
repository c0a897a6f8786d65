#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "buildroot/root.hpp"
#include "cli/command.hpp"
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

json as_json(const store::Reach& reach) {
  return {{"affected", reach.affected}, {"unaffected", reach.unaffected}};
}

std::string in_json(const StoreLocation& location, const CheckReport& report, const std::vector<std::string>& repairs) {
  json document{{"format", 1},
                {"store", location.path()},
                {"well", report.is_well()},
                {"findings", json::array()},
                {"snapshots", as_json(report.snapshots)},
                {"heads", as_json(report.heads)},
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
  return fmt::format("snapshots affected: {}\nsnapshots not affected: {}\nheads affected: {}\nheads not affected: {}\n",
                     names_in_words(report.snapshots.affected, ""), names_in_words(report.snapshots.unaffected, ""),
                     names_in_words(report.heads.affected, "the main one"),
                     names_in_words(report.heads.unaffected, "the main one"));
}

std::string in_words(const StoreLocation& location, const CheckReport& report,
                     const std::vector<std::string>& repairs) {
  std::string text;
  for (const std::string& repair : repairs)
    text += fmt::format("repair: {}\n", repair);
  for (const Finding& finding : report.findings)
    text += fmt::format("{}: {}\n", store::severity_name(finding.severity), finding.text);
  if (!report.is_well()) text += reach_in_words(report);
  const auto garbage = std::count_if(report.findings.begin(), report.findings.end(),
                                     [](const Finding& finding) { return finding.severity == Severity::garbage; });
  text += fmt::format("{}: {} layers, {} files looked at: {}{}\n", printable(location.path()), report.layers,
                      report.files, report.is_well() ? "all is well" : "damaged",
                      garbage == 0 ? "" : ", but for garbage, which is collected in the background");
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
  const std::string text =
      context.options.json ? in_json(location, report, repairs) : in_words(location, report, repairs);
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw_errno("write to standard output");
  return static_cast<int>(report.is_well() ? ExitCode::success : ExitCode::failure);
}

}  // namespace plyroot::cli
