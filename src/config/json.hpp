#pragma once

#include <string>
#include <string_view>

#include "config/evaluator.hpp"
#include "config/handed_files.hpp"

namespace plyroot::config {

/// The request in the evaluator's JSON.
/// @param first_descriptor the number that the first of `handed`'s open files has in the evaluator; the others follow
std::string request_to_json(Task task, const Request& request, const EvaluatingUser& user, const HandedFiles& handed,
                            int first_descriptor);

/// Reads the evaluator's answer. @throws Error that the configuration has, or where the text is no answer
Answer answer_from_json(std::string_view text);

}  // namespace plyroot::config
