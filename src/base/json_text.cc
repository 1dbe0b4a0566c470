#include "base/json_text.h"

#include <cassert>

namespace keyway {

void JsonText::begin_value(std::string_view name) {
  if (!nesting_.empty()) {
    if (!first_) out_ += ',';
    out_ += '\n';
    out_.append(nesting_.size() * 2, ' ');
  }
  first_ = false;
  if (!name.empty()) out_ += json_quote(name) + ": ";
}

void JsonText::open(std::string_view name, char bracket) {
  begin_value(name);
  out_ += bracket;
  nesting_ += bracket;
  first_ = true;
}

void JsonText::close() {
  assert(!nesting_.empty());
  char bracket = nesting_.back();
  nesting_.pop_back();
  if (!first_) {
    out_ += '\n';
    out_.append(nesting_.size() * 2, ' ');
  }
  out_ += bracket == '{' ? '}' : ']';
  first_ = false;
}

void JsonText::raw(std::string_view name, std::string_view json) {
  begin_value(name);
  out_ += json;
}

std::string JsonText::take() {
  assert(nesting_.empty());
  out_ += '\n';
  return std::move(out_);
}

}  // namespace keyway
