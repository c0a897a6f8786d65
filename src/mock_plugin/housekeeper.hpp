#pragma once

#include <string>

#include "plyroot/store.hpp"

namespace plyroot::mock_plugin {

/// Starts a process that keeps house (buildroot::keep_house_a_moment_later()): a Python of its own that loads this
/// plugin and calls its function keep_house. Nothing of mock is copied, nor waited for.
/// @param python the program
/// @param mount_namespace a descriptor of the one that it is to live in
/// @throws SystemError where it cannot be started
void start_housekeeper(const std::string& python, int mount_namespace, const StoreLocation& store);

/// What that process does.
void keep_house(const std::string& base_directory, const std::string& root);

}  // namespace plyroot::mock_plugin
