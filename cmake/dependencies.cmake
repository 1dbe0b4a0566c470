# Libraries from Debian, as static archives: the program is one file that runs anywhere. docs/dependencies.md says why each is here.
set(OPENSSL_USE_STATIC_LIBS ON)
find_package(OpenSSL REQUIRED COMPONENTS SSL Crypto)
find_package(Threads REQUIRED)

# Debian's own CMake file for yaml-cpp names the shared library only.
find_library(KEYWAY_YAML_CPP NAMES libyaml-cpp.a REQUIRED)
add_library(keyway_yaml INTERFACE)
target_link_libraries(keyway_yaml INTERFACE ${KEYWAY_YAML_CPP})

# Debian has no CMake file for c-ares.
find_library(KEYWAY_CARES NAMES libcares.a REQUIRED)
add_library(keyway_cares INTERFACE)
target_link_libraries(keyway_cares INTERFACE ${KEYWAY_CARES})

find_library(KEYWAY_ZSTD NAMES libzstd.a REQUIRED)
add_library(keyway_zstd INTERFACE)
target_link_libraries(keyway_zstd INTERFACE ${KEYWAY_ZSTD})

# Of Abseil only the time zones, and what they stand on.
add_library(keyway_time_zone INTERFACE)
foreach(name time civil_time time_zone strings strings_internal int128 base spinlock_wait raw_logging_internal throw_delegate
             log_severity)
  find_library(KEYWAY_ABSL_${name} NAMES libabsl_${name}.a REQUIRED)
  target_link_libraries(keyway_time_zone INTERFACE ${KEYWAY_ABSL_${name}})
endforeach()

# fmt is compiled once, here: Debian ships no static libfmt, and its header-only mode costs seconds in every file.
add_library(keyway_fmt STATIC ${CMAKE_CURRENT_LIST_DIR}/fmt_impl.cc)
target_compile_options(keyway_fmt PRIVATE -w)

if(KEYWAY_TESTS)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
  find_library(KEYWAY_RAPIDCHECK NAMES librapidcheck.a REQUIRED)
  add_library(keyway_test_main STATIC ${CMAKE_SOURCE_DIR}/tests/unit_main.cc)
  target_compile_definitions(keyway_test_main PRIVATE KEYWAY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(keyway_test_main PUBLIC GTest::gmock GTest::gtest ${KEYWAY_RAPIDCHECK})
endif()
