# How Keyway's own code is compiled, with g++ 12 and clang 19 alike.
add_compile_options(-Wall -Wextra -Wconversion -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror -fPIE)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of g++ 12 in the standard library at -O2 (GCC PR105651, PR105329).
  add_compile_options(-Wno-restrict -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
else()
  # libstdc++ 12 itself uses what it calls deprecated (std::stable_sort), which clang says where ours instantiates it.
  add_compile_options(-Wno-deprecated-declarations)
endif()

# Line numbers are enough for stack traces and cost a third of what full debug information does. -DKEYWAY_DEBUG_INFO=-g for a debugger.
set(KEYWAY_DEBUG_INFO "-g1" CACHE STRING "Debug information of Debug builds")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 ${KEYWAY_DEBUG_INFO} -D_GLIBCXX_ASSERTIONS")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

if(KEYWAY_SANITIZE)
  add_compile_options(-O1 -fsanitize=${KEYWAY_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${KEYWAY_SANITIZE})
endif()
if(KEYWAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# Objects do not name the folder that they were built in, so that ccache serves every clone on the machine. ccache makes
# paths relative to the build folder; so both forms become "src/room/file.cc", in __FILE__ and in debug information.
file(RELATIVE_PATH from_build ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})  # ends in /
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${from_build}=)
find_program(KEYWAY_CCACHE ccache)
if(KEYWAY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # ccache does not tell apart what differs only in these prefixes: a change to them wants another namespace.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_NAMESPACE=keyway-1 ${KEYWAY_CCACHE})
endif()
