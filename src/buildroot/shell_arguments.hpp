#pragma once

#include <string>
#include <vector>

namespace plyroot::buildroot {

/// What runs a line as the root's shell would: the shell; or, where the line is nothing but the path of a program that
/// everybody may run, that program, which the shell would only have started. Starting a shell takes as long as starting
/// the program.
/// @param root the root's directory
std::vector<std::string> shell_arguments(int root, const std::string& line);

}  // namespace plyroot::buildroot
