#pragma once

#include "config/dependencies.hpp"
#include "config/fields.hpp"
#include "support/binary.hpp"

/// The fields that lie in the cache only; those of config/fields.hpp do so too.
namespace plyroot::config {

template <SameBut<FileRecord> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("path", value.path);
  visit("follow_link", value.follow_link);
  visit("absent", value.identity.absent);
  visit("device", value.identity.device);
  visit("inode", value.identity.inode);
  visit("size", value.identity.size);
  visit("modified", value.identity.modified);
  visit("changed", value.identity.changed);
}

template <SameBut<VariableRecord> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("name", value.name);
  visit("value", value.value);
}

template <SameBut<ProcessorRecord> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("online", value.online);
  visit("count", value.count);
}

template <SameBut<Dependencies> Value, class Visitor>
void fields(Value& value, Visitor&& visit) {
  visit("files", value.files);
  visit("environment", value.environment);
  visit("processors", value.processors);
}

}  // namespace plyroot::config
