// Writes JSON, indented by two blanks. A value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json_quote.h"

namespace keyway {

// Fields and elements in the order of the calls. Inside an array, names are left empty.
class JsonText {
 public:
  void open_object(std::string_view name = "") { open(name, '{'); }
  void open_array(std::string_view name = "") { open(name, '['); }
  void close();  // the innermost object or array

  void text(std::string_view name, std::string_view value) { raw(name, json_quote(value)); }
  void number(std::string_view name, int64_t value) { raw(name, std::to_string(value)); }
  void boolean(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  void null(std::string_view name) { raw(name, "null"); }
  // A value that is JSON already.
  void raw(std::string_view name, std::string_view json);

  // Everything, with a line end. Requires that all that was opened is closed.
  std::string take();

 private:
  void open(std::string_view name, char bracket);
  void begin_value(std::string_view name);

  std::string out_;
  std::string nesting_;  // the brackets that are open
  bool first_ = true;    // nothing in the innermost one yet
};

}  // namespace keyway
