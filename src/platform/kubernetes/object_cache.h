// The objects of one type as they were last heard of, as small views. A Reflector fills it, others read it in
// the same thread; pointers into it are good until the loop goes on.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/format.h"
#include "platform/kubernetes/object_meta.h"

namespace keyway::platform::kubernetes {

// What a Reflector keeps up to date.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  // A list: begin_list, put for each of its objects, end_list; what was not put by then is no more. A list
  // may begin anew before its end.
  virtual void begin_list() = 0;
  virtual void end_list() = 0;
  // kCorrupt: it cannot be read; kExhausted: there are too many. The others are kept all the same.
  virtual Status put(std::string_view object) = 0;
  virtual Status take_away(std::string_view object) = 0;
};

template <typename View>
class ObjectCache : public ObjectStore {
 public:
  using Parse = Result<View> (*)(std::string_view object);
  // What has changed in a view, not in its resourceVersion alone: `before` or `now` is null if there was or
  // is none. Called while the cache has the new state.
  using Changed = std::function<void(const View* before, const View* now)>;

  ObjectCache(Parse parse, size_t max_objects, Changed changed = {})
      : parse_(parse), max_objects_(max_objects), changed_(std::move(changed)) {}

  // By "namespace/name".
  const std::map<std::string, View>& objects() const { return objects_; }
  const View* find(const std::string& key) const {
    auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : &found->second;
  }

  void begin_list() override { listed_.clear(); }
  void end_list() override {
    for (auto one = objects_.begin(); one != objects_.end();) {
      auto next = std::next(one);
      if (!listed_.contains(one->first)) erase(one);
      one = next;
    }
    listed_.clear();
  }
  Status put(std::string_view object) override {
    Result<View> view = parse_(object);
    if (!view) return fail(view.error());
    std::string key = view->meta.key();
    auto present = objects_.find(key);
    if (present == objects_.end() && objects_.size() >= max_objects_)
      return fail(ErrorCode::kExhausted,
                  fmt::format("there are more than {} objects; {} is left out", max_objects_, key));
    listed_.insert(key);
    if (present == objects_.end()) {
      present = objects_.emplace(std::move(key), std::move(*view)).first;
      if (changed_) changed_(nullptr, &present->second);
      return {};
    }
    std::swap(present->second, *view);
    // `view` is the former one by now.
    std::string version = std::exchange(view->meta.resource_version, present->second.meta.resource_version);
    bool same = *view == present->second;
    view->meta.resource_version = std::move(version);
    if (!same && changed_) changed_(&*view, &present->second);
    return {};
  }
  Status take_away(std::string_view object) override {
    Result<View> view = parse_(object);
    if (!view) return fail(view.error());
    if (auto present = objects_.find(view->meta.key()); present != objects_.end()) erase(present);
    return {};
  }

 private:
  void erase(typename std::map<std::string, View>::iterator one) {
    View gone = std::move(one->second);
    objects_.erase(one);
    if (changed_) changed_(&gone, nullptr);
  }

  Parse parse_;
  size_t max_objects_;
  Changed changed_;
  std::map<std::string, View> objects_;
  std::set<std::string> listed_;
};

}  // namespace keyway::platform::kubernetes
