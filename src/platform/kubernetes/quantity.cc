#include "platform/kubernetes/quantity.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/strings.h"

namespace keyway::platform::kubernetes {

namespace {

using Wide = unsigned __int128;

constexpr std::string_view kDigits = "0123456789";
// Longer than any amount that fits, and short enough that nothing overflows on the way.
constexpr size_t kMaxDigits = 19;
constexpr int64_t kMaxExponent = 18;

// A unit is 10^decimal * 2^binary.
struct Unit {
  std::string_view suffix;
  int decimal;
  int binary;
};
constexpr std::array kUnits = {
    Unit{"n", -9, 0},  Unit{"u", -6, 0},  Unit{"m", -3, 0},  Unit{"", 0, 0},
    Unit{"k", 3, 0},   Unit{"M", 6, 0},   Unit{"G", 9, 0},   Unit{"T", 12, 0},
    Unit{"P", 15, 0},  Unit{"E", 18, 0},  Unit{"Ki", 0, 10}, Unit{"Mi", 0, 20},
    Unit{"Gi", 0, 30}, Unit{"Ti", 0, 40}, Unit{"Pi", 0, 50}, Unit{"Ei", 0, 60},
};

std::optional<Unit> parse_unit(std::string_view text) {
  for (const Unit& unit : kUnits) {
    if (unit.suffix == text) return unit;
  }
  // "e3", "E-3"
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return std::nullopt;
  text.remove_prefix(1);
  if (text.front() == '+') {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  const std::optional<int64_t> exponent = parse_int(text);
  if (!exponent || *exponent > kMaxExponent || *exponent < -kMaxExponent) return std::nullopt;
  return Unit{"", static_cast<int>(*exponent), 0};
}

Wide power_of_ten(int exponent) {
  Wide power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// digits * 10^decimal * 2^binary, rounded up. `digits` is below 10^19 and, if not zero, `decimal` is brought
// within what can fit before anything is multiplied.
std::optional<int64_t> scale(uint64_t digits, int decimal, int binary) {
  constexpr Wide kMost = static_cast<Wide>(std::numeric_limits<int64_t>::max());
  if (digits == 0) return 0;
  Wide amount = static_cast<Wide>(digits) << binary;  // below 2^(64 + 60)
  for (; decimal < 0 && amount % 10 == 0; ++decimal) amount /= 10;
  if (decimal < 0) {
    const int down = std::min(-decimal, 37);  // 10^37 < 2^123, more than any amount
    const Wide by = power_of_ten(down);
    amount = amount / by + (amount % by != 0 ? 1 : 0);
    decimal = 0;
  }
  for (; decimal > 0 && amount <= kMost; --decimal) amount *= 10;
  return amount <= kMost ? std::optional(static_cast<int64_t>(amount)) : std::nullopt;
}

std::optional<int64_t> parse(std::string_view text, int thousandths_exponent) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  const size_t whole_size = std::min(text.find_first_not_of(kDigits), text.size());
  std::string digits(text.substr(0, whole_size));
  text.remove_prefix(whole_size);
  size_t fraction_size = 0;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction_size = std::min(text.find_first_not_of(kDigits), text.size());
    digits += text.substr(0, fraction_size);
    text.remove_prefix(fraction_size);
  }
  if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
  const std::optional<uint64_t> number = parse_uint(digits);
  const std::optional<Unit> unit = parse_unit(text);
  if (!number || !unit) return std::nullopt;
  return scale(*number, unit->decimal - static_cast<int>(fraction_size) + thousandths_exponent, unit->binary);
}

}  // namespace

std::optional<int64_t> parse_quantity(std::string_view text) { return parse(text, 0); }

std::optional<int64_t> parse_milli_quantity(std::string_view text) { return parse(text, 3); }

std::string quantity_text(int64_t amount) {
  std::string shortest = std::to_string(amount);
  for (const Unit& unit : kUnits) {
    if (unit.decimal < 0 || unit.suffix.empty() || amount == 0) continue;
    const Wide size = power_of_ten(unit.decimal) << unit.binary;
    if (static_cast<Wide>(amount) % size != 0) continue;
    std::string text =
        std::to_string(static_cast<int64_t>(static_cast<Wide>(amount) / size)) + std::string(unit.suffix);
    // Of two that are as short the larger unit, which comes later in its row.
    if (text.size() <= shortest.size()) shortest = std::move(text);
  }
  return shortest;
}

std::string milli_quantity_text(int64_t thousandths) {
  return thousandths % 1000 == 0 ? std::to_string(thousandths / 1000) : std::to_string(thousandths) + "m";
}

}  // namespace keyway::platform::kubernetes
