#include "packages/manager_files.hpp"

#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "buildroot/root_files.hpp"
#include "linux/file.hpp"
#include "support/text.hpp"

namespace plyroot::packages {
namespace {

using config::Config;

constexpr const char* dnf_configuration = "etc/dnf/dnf.conf";
constexpr const char* yum_configuration = "etc/yum/yum.conf";
constexpr const char* yum_plugin_directory = "etc/yum/pluginconf.d";
constexpr const char* host_key_pattern = "/etc/pki/mock/RPM-GPG-KEY-*";
constexpr const char* host_certificates = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem";

/// yum's plugins are configured in the root too.
std::string with_plugin_path(const Config& config) {
  constexpr std::string_view plugins_on = "plugins=1";
  std::string text = config.package_manager_conf;
  if (const std::size_t at = text.find(plugins_on); at != std::string::npos) {
    text.insert(at + plugins_on.size(), "\npluginconfpath=" + config.rootdir + "/" + yum_plugin_directory);
  }
  return text;
}

void write_if_changed(int root, const std::string& path, const std::string& content) {
  if (buildroot::read_file_in_root(root, path) != content) buildroot::write_file_in_root(root, path, content);
}

void copy_if_there(int root, const std::string& host_file, const std::string& path) {
  if (const auto content = linux_api::read_file_if_exists(host_file)) write_if_changed(root, path, *content);
}

void copy_host_keys(int root) {
  glob_t found{};
  if (glob(host_key_pattern, 0, nullptr, &found) == 0) {
    for (std::size_t i = 0; i < found.gl_pathc; ++i) {
      const std::filesystem::path key(found.gl_pathv[i]);
      copy_if_there(root, key, "etc/pki/mock/" + key.filename().string());
    }
  }
  globfree(&found);
}

void copy_host_directory(int root, const std::string& host_directory, const std::string& path) {
  std::error_code ignored;  // a host that is no Fedora has none of these
  for (const auto& entry : std::filesystem::recursive_directory_iterator(host_directory, ignored)) {
    if (!entry.is_regular_file(ignored)) continue;
    copy_if_there(root, entry.path(), path + "/" + entry.path().lexically_relative(host_directory).string());
  }
}

void copy_certificates(int root, const Config& config) {
  for (const config::PathPair& directory : config.ssl_copied_ca_trust_dirs) {
    copy_host_directory(root, directory.host_path, directory.chroot_path);
  }
  if (config.ssl_ca_bundle_path) copy_if_there(root, host_certificates, *config.ssl_ca_bundle_path);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> manager_files(const Config& config, Manager manager) {
  std::vector<std::pair<std::string, std::string>> files;
  if (manager == Manager::yum) {
    const std::string text = with_plugin_path(config);
    const std::string plugins = std::string(yum_plugin_directory) + "/";
    files = {{yum_configuration, text},
             {dnf_configuration, text},  // where yum is a link to dnf
             {plugins + "priorities.conf", config.priorities_conf},
             {plugins + "rhnplugin.conf", config.rhnplugin_conf}};
    if (!config.subscription_manager_conf.empty()) {
      files.emplace_back(plugins + "subscription-manager.conf", config.subscription_manager_conf);
    }
    return files;
  }
  files.emplace_back(dnf_configuration, config.package_manager_conf);
  for (const auto& [name, value] : config.dnf_vars)
    files.emplace_back("etc/dnf/vars/" + name, value);
  return files;
}

void write_manager_files(int root, const Config& config, Manager manager) {
  buildroot::remove_in_root(root, "etc/yum.repos.d");
  for (const auto& [path, content] : manager_files(config, manager))
    write_if_changed(root, path, content);
  if (manager == Manager::yum && !buildroot::exists_in_root(root, "etc/yum.conf")) {
    const buildroot::PathInRoot place = buildroot::locate_in_root(root, "etc/yum.conf", true);
    symlinkat("yum/yum.conf", place.directory.get(), place.name.c_str());
  }
  copy_host_keys(root);
  copy_certificates(root, config);
}

std::string without_added_repositories(const std::string& package_manager_conf) {
  std::string kept;
  std::string section;
  std::optional<std::string> name;
  std::optional<std::string> address;
  const auto end_section = [&] {
    if (!name || name != address) kept += section;
    section.clear();
    name.reset();
    address.reset();
  };
  for (const std::string& line : split(package_manager_conf, '\n')) {
    if (line.starts_with('[')) end_section();
    if (line.starts_with("name=")) name = line.substr(5);
    if (line.starts_with("baseurl=")) address = line.substr(8);
    section += line + "\n";
  }
  end_section();
  return std::string(trim(kept));
}

bool uses_repositories_of_host(const std::string& package_manager_conf) {
  for (const std::string& line : split(package_manager_conf, '\n')) {
    if (line.starts_with("reposdir")) return false;
  }
  return true;
}

}  // namespace plyroot::packages
