// For tests: a Kubernetes in which objects are kept and watched, and nobody does anything with them but the
// test: no controllers, no defaults. One thread, that of the test's event loop.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/strings.h"
#include "platform/kubernetes/names.h"
#include "platform/kubernetes/test_api_server.h"

namespace keyway::operators {

class TestKubernetes {
 public:
  using Json = nlohmann::json;
  using Request = platform::kubernetes::TestRequest;
  using Peer = platform::kubernetes::TestApiPeer;

  explicit TestKubernetes(boost::asio::io_context& io) : server(io) {
    server.handler = [this](const Request& request, Peer& peer) { take(request, peer); };
  }

  // "/apis/apps/v1/namespaces/data/statefulsets/x"; null if there is none.
  Json find(const std::string& path) const {
    auto found = objects_.find(path);
    return found == objects_.end() ? Json() : found->second;
  }
  std::vector<Json> all_of(const std::string& plural) const {
    std::vector<Json> found;
    for (const auto& [path, object] : objects_) {
      if (place_of(path).plural == plural) found.push_back(object);
    }
    return found;
  }
  // Makes or replaces it, and tells watches. `status` and all else is as given.
  void put(const std::string& path, Json object) {
    const bool is_new = !objects_.contains(path);
    Json& metadata = object["metadata"];
    const Place place = place_of(path);
    metadata["name"] = place.name;
    metadata["namespace"] = place.name_space;
    if (!is_new) metadata["uid"] = objects_[path]["metadata"]["uid"];
    if (!metadata.contains("uid") || metadata["uid"].is_null())
      metadata["uid"] = "uid-" + std::to_string(++last_uid_);
    metadata["resourceVersion"] = std::to_string(++version_);
    const bool edited = is_new || objects_[path].value("spec", Json()) != object.value("spec", Json());
    metadata["generation"] =
        is_new ? 1 : objects_[path]["metadata"].value("generation", 1) + (edited ? 1 : 0);
    objects_[path] = object;
    announce(is_new ? "ADDED" : "MODIFIED", place, object);
  }
  void remove(const std::string& path) {
    auto found = objects_.find(path);
    if (found == objects_.end()) return;
    Json object = std::move(found->second);
    objects_.erase(found);
    object["metadata"]["resourceVersion"] = std::to_string(++version_);
    announce("DELETED", place_of(path), object);
  }
  // Ends all watches, as a server that restarts.
  void cut_watches() {
    for (Watch& watch : watches_) {
      if (auto peer = watch.peer.lock()) peer->close();
    }
    watches_.clear();
  }

  platform::kubernetes::TestApiServer server;
  // Given a request first; true: it has answered.
  std::function<bool(const Request& request, Peer& peer)> interceptor;
  std::vector<std::string> writes;  // "PATCH /apis/…"

 private:
  struct Place {
    std::string prefix;  // "/apis/apps/v1"
    std::string name_space;
    std::string plural;
    std::string name;
    std::string subresource;
    std::string path() const { return prefix + "/namespaces/" + name_space + "/" + plural + "/" + name; }
  };
  struct Watch {
    std::weak_ptr<Peer> peer;
    Place place;
    std::map<std::string, std::string> query;
  };

  static Place place_of(std::string_view path) {
    std::vector<std::string_view> words = split(path.substr(1), '/');
    Place place;
    size_t at = words[0] == "api" ? 2 : 3;
    for (size_t i = 0; i < at && i < words.size(); ++i) place.prefix += "/" + std::string(words[i]);
    if (at + 1 < words.size() && words[at] == "namespaces") {
      place.name_space = words[at + 1];
      at += 2;
    }
    const auto word = [&words](size_t i) { return i < words.size() ? std::string(words[i]) : std::string(); };
    place.plural = word(at);
    place.name = word(at + 1);
    place.subresource = word(at + 2);
    return place;
  }

  static std::string unescaped(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '%' && i + 2 < text.size()) {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
      } else {
        out += text[i];
      }
    }
    return out;
  }

  static bool selected(const Json& object, const std::string& selector) {
    if (selector.empty()) return true;
    const Json labels = object["metadata"].value("labels", Json::object());
    for (std::string_view term : split(selector, ',')) {
      const size_t equals = term.find('=');
      if (labels.value(std::string(term.substr(0, equals)), "") != term.substr(equals + 1)) return false;
    }
    return true;
  }
  static bool fits(const Place& wanted, const std::string& selector, const Place& place, const Json& object) {
    return wanted.prefix == place.prefix && wanted.plural == place.plural &&
           (wanted.name_space.empty() || wanted.name_space == place.name_space) && selected(object, selector);
  }

  void announce(const std::string& type, const Place& place, const Json& object) {
    const std::string line = Json{{"type", type}, {"object", object}}.dump() + "\n";
    for (Watch& watch : watches_) {
      if (!fits(watch.place, watch.query["labelSelector"], place, object)) continue;
      if (auto peer = watch.peer.lock()) peer->chunk(line);
    }
  }

  static void refuse(Peer& peer, int status, const std::string& reason) {
    peer.answer(status,
                Json{{"kind", "Status"}, {"code", status}, {"reason", reason}, {"message", reason}}.dump());
  }

  void take(const Request& request, Peer& peer) {
    if (interceptor && interceptor(request, peer)) return;
    const size_t mark = request.target.find('?');
    const std::string path = request.target.substr(0, mark);
    std::map<std::string, std::string> query;
    if (mark != std::string::npos) {
      for (std::string_view pair : split(std::string_view(request.target).substr(mark + 1), '&')) {
        const size_t equals = pair.find('=');
        query[std::string(pair.substr(0, equals))] = unescaped(pair.substr(equals + 1));
      }
    }
    if (path == "/version") return peer.answer(200, R"({"major":"1","minor":"30","gitVersion":"v1.30.0"})");
    if (path == "/apis") return peer.answer(200, groups());
    if (split(path.substr(1), '/').size() <= 3 && path.find("keywayclusters") == std::string::npos &&
        !is_collection(path))
      return peer.answer(
          200,
          R"({"kind":"APIResourceList","resources":[{"name":"pods/eviction","kind":"Eviction","group":"policy","version":"v1"}]})");
    const Place place = place_of(path);
    if (request.method != "GET") {
      writes.push_back(request.method + " " + path);
      return write(request, place, query, peer);
    }
    if (!place.name.empty()) {
      const Json object = find(path);
      return object.is_null() ? refuse(peer, 404, "NotFound") : peer.answer(200, object.dump());
    }
    if (query.contains("watch")) {
      peer.begin_chunks();
      watches_.push_back({peer.weak_from_this(), place, query});
      replay(watches_.back());
      return;
    }
    list(place, query, peer);
  }

  static bool is_collection(const std::string& path) {
    return path.starts_with("/api/v1/") ||
           (path.starts_with("/apis/") && split(path.substr(1), '/').size() > 3);
  }
  static std::string groups() {
    Json all = {{"kind", "APIGroupList"}, {"groups", Json::array()}};
    for (const char* group : {"apps", "policy", "coordination.k8s.io", "rbac.authorization.k8s.io"})
      all["groups"].push_back(
          {{"name", group},
           {"versions", {{{"groupVersion", std::string(group) + "/v1"}, {"version", "v1"}}}}});
    return all.dump();
  }

  // What has changed since the list that it follows.
  void replay(Watch& watch) {
    const int64_t since = parse_int(watch.query["resourceVersion"]).value_or(0);
    for (const auto& [path, object] : objects_) {
      const int64_t version = parse_int(object["metadata"]["resourceVersion"].get<std::string>()).value_or(0);
      if (version <= since || !fits(watch.place, watch.query["labelSelector"], place_of(path), object))
        continue;
      if (auto peer = watch.peer.lock())
        peer->chunk(Json{{"type", "MODIFIED"}, {"object", object}}.dump() + "\n");
    }
  }

  void list(const Place& place, std::map<std::string, std::string>& query, Peer& peer) {
    Json items = Json::array();
    for (const auto& [path, object] : objects_) {
      if (fits(place, query["labelSelector"], place_of(path), object)) items.push_back(object);
    }
    peer.answer(200, Json{{"kind", "List"},
                          {"metadata", {{"resourceVersion", std::to_string(version_)}}},
                          {"items", items}}
                         .dump());
  }

  void write(const Request& request, const Place& place, std::map<std::string, std::string>&, Peer& peer) {
    Json body = Json::parse(request.body, nullptr, false);
    Place target = place;
    if (request.method == "POST") target.name = body["metadata"].value("name", "");
    const std::string path = target.path();
    Json present = find(path);
    if (request.method == "POST" && !present.is_null()) return refuse(peer, 409, "AlreadyExists");
    const bool applies = request.has("apply-patch");
    if (request.method != "POST" && present.is_null() && !applies) return refuse(peer, 404, "NotFound");
    if (request.method == "DELETE") return erase(path, present, body, peer);
    const std::string version = body.value("/metadata/resourceVersion"_json_pointer, "");
    if (!present.is_null() && !version.empty() && Json(version) != present["metadata"]["resourceVersion"])
      return refuse(peer, 409, "Conflict");
    Json made = present.is_null() ? Json::object() : present;
    if (request.method == "PUT") {
      made = body;
    } else if (target.subresource == "status") {
      made["status"] = body["status"];
    } else if (request.method == "POST") {
      made = body;
    } else {
      made.merge_patch(body);
    }
    put(path, made);
    peer.answer(200, find(path).dump());
  }

  void erase(const std::string& path, const Json& present, const Json& body, Peer& peer) {
    const Json conditions = body.value("preconditions", Json::object());
    const Json& metadata = present["metadata"];
    if (Json(conditions.value("uid", metadata["uid"].get<std::string>())) != metadata["uid"] ||
        Json(conditions.value("resourceVersion", metadata["resourceVersion"].get<std::string>())) !=
            metadata["resourceVersion"])
      return refuse(peer, 409, "Conflict");
    remove(path);
    peer.answer(200, present.dump());
  }

  std::map<std::string, Json> objects_;
  std::vector<Watch> watches_;
  int64_t version_ = 100;
  int64_t last_uid_ = 0;
};

}  // namespace keyway::operators
