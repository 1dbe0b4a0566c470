// Amounts as Kubernetes writes them: "64Gi", "1.5G", "250m", "1e3". What it takes for one is told in
// https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyway::platform::kubernetes {

// In units (bytes, cores), or in thousandths of one; what is left over is rounded up, as Kubernetes does.
// Nothing: no quantity, a negative one, or one that does not fit.
std::optional<int64_t> parse_quantity(std::string_view text);
std::optional<int64_t> parse_milli_quantity(std::string_view text);

// The shortest text for it: "64Gi", "1500M", "7".
std::string quantity_text(int64_t amount);
// "250m", "2".
std::string milli_quantity_text(int64_t thousandths);

}  // namespace keyway::platform::kubernetes
