#include "platform/kubernetes/value.h"

#include <algorithm>

#include "base/json_quote.h"

namespace keyway::platform::kubernetes {

const Value& Value::operator[](std::string_view name) const {
  static const Value kNothing;
  auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? kNothing : items_[static_cast<size_t>(found - names_.begin())];
}

const Value& Value::operator[](size_t index) const {
  static const Value kNothing;
  return index < items_.size() ? items_[index] : kNothing;
}

Value& Value::set(std::string_view name, Value value) {
  if (value.is_none()) return *this;
  kind_ = Kind::kMap;
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) {
    items_[static_cast<size_t>(found - names_.begin())] = std::move(value);
  } else {
    names_.emplace_back(name);
    items_.push_back(std::move(value));
  }
  return *this;
}

Value& Value::append(Value value) {
  if (value.is_none()) return *this;
  kind_ = Kind::kList;
  items_.push_back(std::move(value));
  return *this;
}

Value fields(std::initializer_list<std::pair<std::string_view, Value>> given) {
  Value map;
  map.kind_ = Value::Kind::kMap;
  for (const auto& [name, value] : given) map.set(name, value);
  return map;
}

Value list(std::vector<Value> items) {
  Value made;
  made.kind_ = Value::Kind::kList;
  std::erase_if(items, [](const Value& item) { return item.is_none(); });
  made.items_ = std::move(items);
  return made;
}

Value text_list(const std::vector<std::string>& texts) {
  return list(std::vector<Value>(texts.begin(), texts.end()));
}

Value if_given(std::string_view text) { return text.empty() ? Value() : Value(text); }

std::string to_json(const Value& value) {
  using enum Value::Kind;
  switch (value.kind()) {
    case kNone:
      return "null";
    case kText:
      return json_quote(value.text());
    case kNumber:
    case kBoolean:
      return value.text();
    case kList:
    case kMap:
      break;
  }
  const bool map = value.kind() == kMap;
  std::string out(1, map ? '{' : '[');
  for (size_t i = 0; i < value.items().size(); ++i) {
    if (i > 0) out += ',';
    if (map) out += json_quote(value.names()[i]) + ':';
    out += to_json(value.items()[i]);
  }
  return out + (map ? '}' : ']');
}

}  // namespace keyway::platform::kubernetes
