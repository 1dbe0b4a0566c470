// A file of lines that only its owner may read, that no program started from here inherits, and that never
// outgrows its limit: before it would, it becomes PATH.1, in place of an older one. Owned by one writer; one
// thread at a time. Several processes may append to one path: a line is written by one call.
#pragma once

#include <string>
#include <string_view>

namespace keyway {

class BoundedFile {
 public:
  BoundedFile(std::string path, size_t max_size_bytes)
      : path_(std::move(path)), max_size_bytes_(max_size_bytes) {}
  BoundedFile(const BoundedFile&) = delete;
  BoundedFile& operator=(const BoundedFile&) = delete;
  ~BoundedFile() { close(); }

  const std::string& path() const { return path_; }

  // 0, or the errno of what failed: no regular file, no permission, ….
  int open();

  // `line` with its line end. Opens the file if it is not. A full disk loses lines, never the program: false.
  bool append(std::string_view line);

 private:
  void turn();
  void close();

  const std::string path_;
  const size_t max_size_bytes_;
  int file_ = -1;
  size_t size_bytes_ = 0;
};

}  // namespace keyway
