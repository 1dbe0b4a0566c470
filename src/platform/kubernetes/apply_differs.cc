// The comparison before an apply. How the API server notes which manager owns which field is told in
// "Server-Side Apply" of the Kubernetes documentation (fieldsV1, managedFields): members are "f:NAME",
// elements of merged lists k:{KEYS} or v:VALUE, and "." is the thing itself.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "platform/kubernetes/apply.h"
#include "platform/kubernetes/quantity.h"

namespace keyway::platform::kubernetes {

namespace {

using Json = nlohmann::json;

const Json& none() {
  static const Json null;
  return null;
}

const Json& at(const Json& json, const std::string& name) {
  if (!json.is_object()) return none();
  auto found = json.find(name);
  return found == json.end() ? none() : *found;
}

// The server leaves such values out.
bool is_empty(const Json& json) {
  return json.is_null() || (json.is_structured() && json.empty()) ||
         (json.is_string() && json.get_ref<const std::string&>().empty());
}

// What the server sets itself whoever applies, or does not store.
bool is_identity(const std::string& name) {
  return name == "apiVersion" || name == "kind" || name == "metadata";
}

// Members whose values are quantities: "1Gi" and "1024Mi" are one, and servers store the shortest form.
bool has_quantities(const std::string& name) {
  return name == "requests" || name == "limits" || name == "capacity" || name == "hard";
}

bool same_scalar(const Json& live, const Json& wanted, bool quantity) {
  if (live == wanted) return true;
  if (!quantity) return false;
  auto text = [](const Json& value) {
    return value.is_string() ? value.get<std::string>() : value.is_number() ? value.dump() : std::string();
  };
  std::optional<int64_t> left = parse_milli_quantity(text(live));
  std::optional<int64_t> right = parse_milli_quantity(text(wanted));
  return left && right && *left == *right;
}

// Whether the element has the values of `keys`; what it does not say the server fills in.
bool has_keys(const Json& element, const Json& keys) {
  for (const auto& [name, value] : keys.items()) {
    const Json& own = at(element, name);
    if (!own.is_null() && own != value) return false;
  }
  return true;
}

bool has_element(const Json& list, const Json& keys) {
  if (!list.is_array()) return false;
  for (const Json& element : list) {
    if (has_keys(element, keys)) return true;
  }
  return false;
}

const Json& element_of(const Json& list, const std::string& key) {
  Json keys = Json::parse(key, nullptr, /*allow_exceptions=*/false);
  if (list.is_array() && !keys.is_discarded()) {
    for (const Json& element : list) {
      if (has_keys(element, keys)) return element;
    }
  }
  return none();
}

// Whether `wanted` still has all that `owned`, of fieldsV1, says that we own.
bool still_wanted(const Json& owned, const Json& wanted) {
  if (!owned.is_object()) return true;
  for (const auto& [name, inner] : owned.items()) {
    if (name == ".") continue;
    std::string what = name.size() > 2 ? name.substr(2) : "";
    if (name.starts_with("f:")) {
      const Json& member = at(wanted, what);
      bool leaf = !inner.is_object() || inner.empty();
      // A thing that is owned as such, and whose members may all have gone.
      if (member.is_null() && (leaf || inner.contains("."))) return false;
      if (!still_wanted(inner, member)) return false;
    } else if (name.starts_with("k:")) {
      const Json& element = element_of(wanted, what);
      if (element.is_null() || !still_wanted(inner, element)) return false;
    } else if (name.starts_with("v:")) {
      Json value = Json::parse(what, nullptr, /*allow_exceptions=*/false);
      bool there = wanted.is_array() && std::find(wanted.begin(), wanted.end(), value) != wanted.end();
      if (!there) return false;
    }
  }
  return true;
}

// Whether all that `wanted` says is so in `live`; `owned` tells how lists are merged.
class Contains {
 public:
  bool value(const Json& live, const Json& wanted, const Json& owned, bool quantity) const {
    if (is_empty(wanted)) return is_empty(live) || wanted.is_object();
    if (wanted.is_object()) return object(live, wanted, owned, quantity);
    if (wanted.is_array()) return list(live, wanted, owned);
    return same_scalar(live, wanted, quantity);
  }

 private:
  bool object(const Json& live, const Json& wanted, const Json& owned, bool quantity) const {
    if (!live.is_object()) return false;
    for (const auto& [name, member] : wanted.items()) {
      if (!value(at(live, name), member, at(owned, "f:" + name), quantity || has_quantities(name)))
        return false;
    }
    return true;
  }

  bool list(const Json& live, const Json& wanted, const Json& owned) const {
    if (!live.is_array()) return false;
    bool merged = false;
    if (owned.is_object()) {
      for (const auto& [name, inner] : owned.items()) {
        if (name.starts_with("v:")) return all_values(live, wanted);
        if (!name.starts_with("k:")) continue;
        merged = true;
      }
    }
    return merged ? merged_list(live, wanted, owned) : whole_list(live, wanted);
  }

  static bool all_values(const Json& live, const Json& wanted) {
    for (const Json& value : wanted) {
      if (std::find(live.begin(), live.end(), value) == live.end()) return false;
    }
    return true;
  }

  bool whole_list(const Json& live, const Json& wanted) const {
    if (live.size() != wanted.size()) return false;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (!value(live[i], wanted[i], none(), false)) return false;
    }
    return true;
  }

  // Every wanted element is one that we own, and is in `live` with all that it says.
  bool merged_list(const Json& live, const Json& wanted, const Json& owned) const {
    for (const Json& element : wanted) {
      bool found = false;
      for (const auto& [name, inner] : owned.items()) {
        if (found || !name.starts_with("k:")) continue;
        Json keys = Json::parse(name.substr(2), nullptr, /*allow_exceptions=*/false);
        if (keys.is_discarded() || !has_keys(element, keys) || !has_element(live, keys)) continue;
        found = value(element_of(live, name.substr(2)), element, inner, false);
      }
      if (!found) return false;
    }
    return true;
  }
};

// What kManager owns by apply, all of its entries for this part of the object together.
Json owned_by_us(const Json& live) {
  Json owned = Json::object();
  for (const Json& entry : at(at(live, "metadata"), "managedFields")) {
    if (at(entry, "manager") != kManager || at(entry, "operation") != "Apply") continue;
    owned.merge_patch(at(entry, "fieldsV1"));
  }
  return owned;
}

}  // namespace

bool apply_differs(std::string_view live_text, std::string_view wanted_text) {
  Json live = Json::parse(live_text.begin(), live_text.end(), nullptr, /*allow_exceptions=*/false);
  Json wanted = Json::parse(wanted_text.begin(), wanted_text.end(), nullptr, /*allow_exceptions=*/false);
  if (!live.is_object() || !wanted.is_object()) return true;
  Json owned = owned_by_us(live);
  if (owned.empty()) return true;  // never applied by us: whatever it says, it is not ours yet
  if (!still_wanted(owned, wanted)) return true;
  Contains contains;
  for (const auto& [name, member] : wanted.items()) {
    if (!is_identity(name) && !contains.value(at(live, name), member, at(owned, "f:" + name), false))
      return true;
  }
  Json metadata = at(wanted, "metadata");
  if (!metadata.is_object()) return false;
  for (const char* name : {"name", "namespace", "resourceVersion", "uid"}) metadata.erase(name);
  return !contains.value(at(live, "metadata"), metadata, at(owned, "f:metadata"), false);
}

}  // namespace keyway::platform::kubernetes
