// Text in columns that fits the width it is given. A value; any thread.
#pragma once

#include <string>
#include <vector>

#include "cli/terminal.h"

namespace keyway::cli {

struct Column {
  std::string title;
  bool right = false;  // numbers
  int rank = 0;        // the highest ranks are left out first where the width is too small; 0: stays
};

struct Cell {
  std::string text;
  Style style = Style::kPlain;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell a column; missing ones are empty.
  void add(std::vector<Cell> row);

  // Lines without their line ends, the titles first. Columns in which every cell is empty are left out.
  std::vector<std::string> render(const Terminal& terminal) const;

 private:
  std::vector<size_t> fitting_columns(int width) const;
  int width_of(size_t column) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace keyway::cli
