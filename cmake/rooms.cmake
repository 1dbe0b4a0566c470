# keyway_room(NAME [USES room...] [LIBRARIES lib...]) makes
#   keyway_NAME    of every src/NAME/**.cc that is no test, fuzzer or benchmark,
#   NAME_test      of the *_test.cc that stand beside them,
#   NAME_bench     of the *_bench.cc (built by name only),
#   FILE_fuzz      of each FILE_fuzz.cc, if KEYWAY_FUZZ is on.
function(keyway_room name)
  cmake_parse_arguments(room "" "" "USES;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cc)
  foreach(kind test fuzz bench)
    set(${kind}_files ${sources})
    list(FILTER ${kind}_files INCLUDE REGEX "_${kind}\\.cc$")
  endforeach()
  list(FILTER sources EXCLUDE REGEX "_(test|fuzz|bench)\\.cc$")

  if(sources)
    add_library(keyway_${name} STATIC ${sources})
    set(scope PUBLIC)
  else()
    add_library(keyway_${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(keyway_${name} ${scope} ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM room_USES PREPEND keyway_)
  target_link_libraries(keyway_${name} ${scope} ${room_USES} ${room_LIBRARIES})

  if(KEYWAY_TESTS AND test_files)
    add_executable(${name}_test ${test_files})
    target_link_libraries(${name}_test PRIVATE keyway_${name} GTest::gmock GTest::gtest GTest::gtest_main
                          ${KEYWAY_RAPIDCHECK})
    add_test(NAME ${name}_test COMMAND ${name}_test)
  endif()
  if(KEYWAY_TESTS AND bench_files)
    add_executable(${name}_bench EXCLUDE_FROM_ALL ${bench_files})
    target_link_libraries(${name}_bench PRIVATE keyway_${name} benchmark::benchmark benchmark::benchmark_main)
  endif()
  if(KEYWAY_FUZZ)
    foreach(file ${fuzz_files})
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      target_link_libraries(${target} PRIVATE keyway_${name})
      target_link_options(${target} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()
