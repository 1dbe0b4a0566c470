#include "cli/table.h"

#include <algorithm>

namespace keyway::cli {

namespace {

constexpr int kGap = 2;

void append_cell(std::string& line, const Cell& cell, const Column& column, int width, bool last,
                 bool colour) {
  size_t padding = static_cast<size_t>(std::max(0, width - columns_of(cell.text)));
  if (column.right) line.append(padding, ' ');
  line += paint(cell.text, cell.style, colour);
  if (!column.right && !last) line.append(padding, ' ');
  if (!last) line.append(kGap, ' ');
}

}  // namespace

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size());
  for (Cell& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

int Table::width_of(size_t column) const {
  int width = 0;
  for (const std::vector<Cell>& row : rows_) width = std::max(width, columns_of(row[column].text));
  return width == 0 ? 0 : std::max(width, columns_of(columns_[column].title));
}

std::vector<size_t> Table::fitting_columns(int width) const {
  std::vector<size_t> kept;
  int total = -kGap;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (width_of(i) == 0) continue;
    kept.push_back(i);
    total += width_of(i) + kGap;
  }
  while (width > 0 && total > width) {
    auto last = std::ranges::max_element(kept, {}, [this](size_t i) { return columns_[i].rank; });
    if (last == kept.end() || columns_[*last].rank == 0) break;
    total -= width_of(*last) + kGap;
    kept.erase(last);
  }
  return kept;
}

std::vector<std::string> Table::render(const Terminal& terminal) const {
  std::vector<size_t> kept = fitting_columns(terminal.columns);
  std::vector<std::string> lines(rows_.size() + 1);
  for (size_t i : kept) {
    bool last = i == kept.back();
    int width = width_of(i);
    append_cell(lines[0], {columns_[i].title, Style::kFaint}, columns_[i], width, last, terminal.colour);
    for (size_t row = 0; row < rows_.size(); ++row) {
      append_cell(lines[row + 1], rows_[row][i], columns_[i], width, last, terminal.colour);
    }
  }
  for (std::string& line : lines) {
    while (line.ends_with(' ')) line.pop_back();
    line = clip(line, terminal.columns, terminal.utf8);
  }
  return lines;
}

}  // namespace keyway::cli
