// fmt::format for strings, integers and floating point. The implementation is compiled once
// (cmake/fmt_impl.cc).
#pragma once

#include <fmt/core.h>
