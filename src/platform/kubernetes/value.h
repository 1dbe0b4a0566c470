// A Kubernetes object, or a part of one, as a tree that is built by code: fields keep the order in which they
// were given, as people order them. Values; any thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyway::platform::kubernetes {

class Value {
 public:
  // kNone: the field is left out. kNumber and kBoolean hold their text.
  enum class Kind { kNone, kText, kNumber, kBoolean, kList, kMap };

  Value() = default;
  // So that fields read like the document that they make. NOLINTBEGIN(google-explicit-constructor)
  Value(const char* text) : kind_(Kind::kText), text_(text) {}
  Value(std::string_view text) : kind_(Kind::kText), text_(text) {}
  Value(std::string text) : kind_(Kind::kText), text_(std::move(text)) {}
  Value(int64_t number) : kind_(Kind::kNumber), text_(std::to_string(number)) {}
  Value(int number) : Value(int64_t{number}) {}
  Value(bool value) : kind_(Kind::kBoolean), text_(value ? "true" : "false") {}
  // NOLINTEND(google-explicit-constructor)

  Kind kind() const { return kind_; }
  bool is_none() const { return kind_ == Kind::kNone; }
  // Of texts, numbers and booleans.
  const std::string& text() const { return text_; }
  // Of lists and maps.
  const std::vector<Value>& items() const { return items_; }
  // Of maps: the names of the items.
  const std::vector<std::string>& names() const { return names_; }

  // The field, or a value of kNone; also of what is no map.
  const Value& operator[](std::string_view name) const;
  // The item of a list; kNone behind its end.
  const Value& operator[](size_t index) const;

  // Adds or replaces a field; makes a map of kNone. Without effect if `value` is none.
  Value& set(std::string_view name, Value value);
  // Makes a list of kNone. Without effect if `value` is none.
  Value& append(Value value);

  bool operator==(const Value&) const = default;

 private:
  Kind kind_ = Kind::kNone;
  std::string text_;
  std::vector<std::string> names_;
  std::vector<Value> items_;

  friend Value fields(std::initializer_list<std::pair<std::string_view, Value>> given);
  friend Value list(std::vector<Value> items);
};

// A map. Fields without a value are left out.
Value fields(std::initializer_list<std::pair<std::string_view, Value>> given);

// A list, which may be empty. Items without a value are left out.
Value list(std::vector<Value> items);
Value text_list(const std::vector<std::string>& texts);

// `value`, or nothing if it is empty.
Value if_given(std::string_view text);

// YAML that YAML 1.1 and 1.2 readers read alike, ending in a line end. Several documents are parted by "---".
std::string to_yaml(const Value& document);
std::string to_yaml(const std::vector<Value>& documents);

// JSON on one line; a value that is none becomes null.
std::string to_json(const Value& value);

}  // namespace keyway::platform::kubernetes
