// For tests: a store in memory that can be told to fail, and a folder that goes away.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "backup/store.h"
#include "base/format.h"

namespace keyway::backup {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "keyway-backup-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Objects as texts. Readers give `piece_bytes` at most at once.
class MemoryStore : public Store {
 public:
  std::map<std::string, std::string> objects;
  std::map<std::string, int64_t> changed_ms;
  size_t piece_bytes = size_t{1} << 20;
  std::optional<Error> write_error;   // of every write
  std::optional<Error> remove_error;  // of every removal

  const std::string& url() const override { return url_; }

  Result<std::unique_ptr<ObjectWriter>> put(const std::string& name) override {
    return std::make_unique<Writer>(*this, name);
  }
  Result<std::unique_ptr<ObjectReader>> get(const std::string& name, int64_t from_bytes) override {
    auto found = objects.find(name);
    if (found == objects.end()) return fail(ErrorCode::kNotFound, "no object " + name);
    return std::make_unique<Reader>(found->second.substr(static_cast<size_t>(from_bytes)), piece_bytes);
  }
  Result<std::vector<ObjectInfo>> list(const std::string& folder) override {
    std::vector<ObjectInfo> infos;
    for (const auto& [name, text] : objects) {
      if (folder.empty() || name.starts_with(folder + "/"))
        infos.push_back({name, static_cast<int64_t>(text.size()), changed_ms[name]});
    }
    return infos;
  }
  Status remove(const std::string& name) override {
    if (remove_error) return fail(*remove_error);
    objects.erase(name);
    return {};
  }

 private:
  class Writer : public ObjectWriter {
   public:
    Writer(MemoryStore& store, std::string name) : store_(store), name_(std::move(name)) {}
    Status write(std::string_view bytes) override {
      if (store_.write_error) return fail(*store_.write_error);
      text_ += bytes;
      return {};
    }
    Status commit() override {
      store_.objects[name_] = text_;
      return {};
    }

   private:
    MemoryStore& store_;
    std::string name_;
    std::string text_;
  };

  class Reader : public ObjectReader {
   public:
    Reader(std::string text, size_t piece_bytes) : text_(std::move(text)), piece_bytes_(piece_bytes) {}
    Result<size_t> read(char* to, size_t size_bytes) override {
      size_t size = text_.copy(to, std::min(size_bytes, piece_bytes_), at_);
      at_ += size;
      return size;
    }

   private:
    std::string text_;
    size_t piece_bytes_;
    size_t at_ = 0;
  };

  std::string url_ = "memory";
};

}  // namespace keyway::backup
